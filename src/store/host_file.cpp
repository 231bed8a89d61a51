#include <mdevadm/store/host_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/util/text.hpp>
#include <set>

#include "definition_keys.hpp"
#include "shared_keys.hpp"
#include "toml.hpp"

namespace mdevadm::store {

namespace {

constexpr std::uint64_t most_devices_of_entry = 65536;
constexpr std::int64_t host_version = 1;

// Reads one file into a description.
class HostReader {
 public:
  HostReader(const HostText& source, HostContent& content) : path_(source.path), content_(content) {
    const toml::parse_result parsed = toml::parse(source.text, path_);
    if (!parsed) {
      const toml::source_position where = place_of(parsed.error(), source.text);
      content_.problems.push_back(
          {path_, where.line, where.column, syntax_problem(parsed.error(), source.text)});
      return;
    }
    read(parsed.table());
  }

 private:
  // Calls `work`; a value that is invalid becomes a problem, and the rest of the file is read.
  template <typename Work>
  void collect(const Work& work) {
    try {
      work();
    } catch (const Broken& problem) {
      add_all(problem);
    }
  }

  void add_all(const Broken& problem) {
    add(problem.where, problem.message);
    for (const Broken& other : problem.others) {
      add_all(other);
    }
  }

  void add(const toml::source_position& where, const std::string& message) {
    content_.problems.push_back({path_, where.line, where.column, message});
  }

  FilePosition position(const toml::node& node) const {
    return {path_, node.source().begin.line, node.source().begin.column};
  }

  FilePosition position(const toml::key& key) const {
    return {path_, key.source().begin.line, key.source().begin.column};
  }

  void unknown(const toml::key& key, std::string_view table, const std::vector<std::string>& known) {
    const std::string meant = did_you_mean(std::string(key.str()), known);
    add(key.source().begin, fmt::format("unknown key '{}'{}{}", printable(key.str()), table,
                                        meant.empty() ? "" : fmt::format(" ({})", meant)));
  }

  // Keys of tables that are ignored in other files are problems here.
  void refuse_ignored(std::vector<FileProblem>& ignored) {
    for (FileProblem& problem : ignored) {
      const std::size_t end = problem.message.find(ignored_key_ending);
      problem.message.resize(std::min(end, problem.message.size()));
      content_.problems.push_back(std::move(problem));
    }
    ignored.clear();
  }

  void read(const toml::table& root) {
    if (!root.contains("version")) {
      add({1, 1}, fmt::format("missing required key 'version' (expected version = {})", host_version));
    }
    // In the order of the file, so that problems are.
    std::vector<std::pair<const toml::key*, const toml::node*>> keys;
    for (const auto& [key, node] : root) {
      keys.emplace_back(&key, &node);
    }
    std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
      const toml::source_position first = a.first->source().begin;
      const toml::source_position second = b.first->source().begin;
      return std::pair(first.line, first.column) < std::pair(second.line, second.column);
    });
    for (const auto& [key, node] : keys) {
      collect([&, name = key, value = node] { read_top(*name, *value); });
    }
  }

  void read_top(const toml::key& key, const toml::node& node) {
    if (key == "version") {
      const auto* number = node.as_integer();
      if (number == nullptr || number->get() != host_version) {
        broken(node, fmt::format("unsupported version of the format (expected {})", host_version));
      }
    } else if (key == "namespace") {
      const Uuid space = checked_text<Uuid>(node, "namespace", uuid_rule);
      if (content_.file.space && *content_.file.space != space) {
        broken(node, fmt::format("another file of the description has the namespace {}",
                                 content_.file.space->str()));
      }
      content_.file.space = space;
    } else if (key == "parent") {
      for_each_table(node, "parent", [&](const toml::table& table) { read_parent(table); });
    } else if (key == "device") {
      for_each_table(node, "device", [&](const toml::table& table) { read_device(table); });
    } else if (key == "group") {
      for_each_table(node, "group", [&](const toml::table& table) { read_group(table); });
    } else {
      unknown(key, "", {"version", "namespace", "parent", "device", "group"});
    }
  }

  template <typename Read>
  void for_each_table(const toml::node& node, std::string_view key, const Read& read) {
    const toml::array* list = node.as_array();
    if (list == nullptr) {
      broken(node, fmt::format("'{0}' must be a list of tables ([[{0}]]), not {1}", key, kind_name(node)));
    }
    for (const toml::node& element : *list) {
      collect([&] {
        const toml::table* table = element.as_table();
        if (table == nullptr) {
          broken(element,
                 fmt::format("'{0}' must be a list of tables ([[{0}]]), not {1}", key, kind_name(element)));
        }
        read(*table);
      });
    }
  }

  // Returns a list of texts, given as such or as one text.
  std::vector<std::string> texts(const toml::node& node, const std::string& key, KeyPositions& keys) {
    if (node.is_string()) {
      keys[key + ".0"] = position(node);
      return {text_of(node, key)};
    }
    const toml::array* list = node.as_array();
    if (list == nullptr || list->empty()) {
      broken(node, fmt::format("'{}' must be a list of strings, not {}", key,
                               list == nullptr ? kind_name(node) : "an empty list"));
    }
    std::vector<std::string> result;
    for (const toml::node& element : *list) {
      keys[fmt::format("{}.{}", key, result.size())] = position(element);
      result.push_back(text_of(element, key));
    }
    return result;
  }

  void read_parent(const toml::table& table) {
    const toml::node* name = table.get("name");
    if (name == nullptr) {
      broken(table, "missing required key 'name' in [[parent]]");
    }
    ParentEntry entry{{checked_text<ParentName>(*name, "name", component_rule)}, position(*name)};
    std::vector<FileProblem> ignored;
    for (const auto& [key, node] : table) {
      collect([&, &k = key, &n = node] {
        if (k != "name" && !read_parent_key(k, n, path_, entry.settings, ignored)) {
          unknown(k, " in [[parent]]", {"name", "virtual_functions", "method", "reserved", "run"});
        }
      });
    }
    refuse_ignored(ignored);
    content_.file.parents.push_back(std::move(entry));
  }

  void read_device(const toml::table& table) {
    DeviceEntry entry{.where = position(table),
                      .settings = {Uuid{}, *ParentName::parse("any"), *TypeName::parse("any")}};
    std::vector<FileProblem> ignored;
    for (const auto& [key, node] : table) {
      entry.keys[std::string(key.str())] = position(node);
      collect([&, &k = key, &n = node] { read_device_key(k, n, entry, ignored); });
    }
    collect([&] { DefinitionKeys::read_queues(table, entry.settings); });
    refuse_ignored(ignored);
    collect([&] { require_consistent(table, entry); });
    content_.file.devices.push_back(std::move(entry));
  }

  void read_device_key(const toml::key& key, const toml::node& node, DeviceEntry& entry,
                       std::vector<FileProblem>& ignored) {
    if (key == "name") {
      entry.name = checked_text<Label>(node, "name", label_rule).str();
    } else if (key == "count") {
      entry.count = read_count(node);
    } else if (key == "count_per_parent") {
      entry.per_parent = true;
      entry.count = read_number(node, key.str());
    } else if (key == "uuid") {
      entry.uuid = checked_text<Uuid>(node, "uuid", uuid_rule);
    } else if (key == "type") {
      entry.type = checked_text<TypeName>(node, "type", component_rule).str();
    } else if (key == "need") {
      entry.needs = texts(node, "need", entry.keys);
    } else if (key == "parents") {
      read_parents(node, entry);
    } else if (key == "except") {
      entry.except = parents_of(node, key.str(), entry);
    } else if (key == "placement") {
      const std::string text = text_of(node, "placement");
      if (text != "spread" && text != "pack") {
        broken(node, fmt::format("'placement' must be \"spread\" or \"pack\", not \"{}\"", printable(text)));
      }
      entry.placement = text == "pack" ? Placement::pack : Placement::spread;
    } else if (key == "state") {
      const std::string text = text_of(node, "state");
      if (text != "active" && text != "defined") {
        broken(node, fmt::format("'state' must be \"active\" or \"defined\", not \"{}\"", printable(text)));
      }
      entry.active = text == "active";
    } else if (key == "abi" || key == "applied_by" ||
               !DefinitionKeys(path_, ignored).read(key, node, entry.settings)) {
      unknown(key, " in [[device]]",
              {"name", "count", "count_per_parent", "uuid", "type", "need", "parents", "except", "placement",
               "state", "start", "vf", "aggregate", "create_args", "attribute", "ap", "node"});
    }
  }

  static std::optional<std::uint64_t> read_count(const toml::node& node) {
    if (const auto* text = node.as_string(); text != nullptr && text->get() == "all") {
      return std::nullopt;
    }
    return read_number(node, "count", "\"all\" or ");
  }

  static std::uint64_t read_number(const toml::node& node, std::string_view key,
                                   std::string_view or_word = {}) {
    const auto* number = node.as_integer();
    if (number == nullptr || number->get() < 1 ||
        number->get() > static_cast<std::int64_t>(most_devices_of_entry)) {
      broken(node,
             fmt::format("'{}' must be {}a whole number from 1 to {}", key, or_word, most_devices_of_entry));
    }
    return static_cast<std::uint64_t>(number->get());
  }

  void read_parents(const toml::node& node, DeviceEntry& entry) {
    if (const auto* text = node.as_string(); text == nullptr || text->get() != "any") {
      entry.parents = parents_of(node, "parents", entry);
    }
  }

  std::vector<std::string> parents_of(const toml::node& node, std::string_view key, DeviceEntry& entry) {
    std::vector<std::string> parents = texts(node, std::string(key), entry.keys);
    for (std::size_t i = 0; i < parents.size(); ++i) {
      const FilePosition& where = entry.at(fmt::format("{}.{}", key, i));
      const toml::source_position place{static_cast<toml::source_index>(where.line),
                                        static_cast<toml::source_index>(where.column)};
      if (!ParentName::parse(parents[i])) {
        throw Broken{place, fmt::format("invalid parent '{}': {}", printable(parents[i]), component_rule)};
      }
      if (std::count(parents.begin(), parents.end(), parents[i]) > 1) {
        throw Broken{place, fmt::format("parent '{}' is listed twice", parents[i])};
      }
    }
    return parents;
  }

  // Throws Broken if keys of a device contradict each other.
  static void require_consistent(const toml::table& table, const DeviceEntry& entry) {
    const bool has_type = table.contains("type");
    if (has_type == table.contains("need")) {
      broken(table, has_type ? "cannot combine 'type' and 'need'"
                             : "missing required key 'type' or 'need' in [[device]]");
    }
    if (!table.contains("name") && !table.contains("uuid")) {
      broken(table, "missing required key 'name' in [[device]]");
    }
    if (table.contains("count") && table.contains("count_per_parent")) {
      broken(table, "cannot combine 'count' and 'count_per_parent'");
    }
    const bool is_single = entry.count == std::uint64_t{1} && !entry.per_parent;
    if (!is_single && entry.uuid) {
      broken(*table.get("uuid"), "several devices cannot have the same UUID");
    }
    const bool has_place = !entry.uuid && entry.name.find(parent_placeholder) != std::string::npos;
    if (has_place != entry.per_parent && table.contains("name")) {
      broken(*table.get("name"),
             has_place ? "'{parent}' in a name requires 'count_per_parent'"
                       : fmt::format("with 'count_per_parent', 'name' must contain {{parent}}, which stands "
                                     "for the name of the parent (expected e.g. \"{}-{{parent}}-{{}}\")",
                                     printable(entry.name)));
    }
    const bool is_numbered = entry.per_parent ? entry.count != std::uint64_t{1} : !is_single;
    if (is_numbered && table.contains("name") && !entry.is_pattern()) {
      broken(*table.get("name"),
             fmt::format("the name of several devices must contain {{}}, which their number replaces "
                         "(expected e.g. \"{}-{{}}\")",
                         printable(entry.name)));
    }
    const auto& function = entry.settings.function;
    if (!is_single && function && function->str() != any_function) {
      broken(*table.get("vf"), "several devices cannot use the same virtual function");
    }
  }

  void read_group(const toml::table& table) {
    const toml::node* name = table.get("name");
    if (name == nullptr) {
      broken(table, "missing required key 'name' in [[group]]");
    }
    GroupEntry entry{{checked_text<GroupName>(*name, "name",
                                              "must be a name without '/', blanks and control characters, "
                                              "not begin with '-' or '.' and not be a UUID")},
                     position(*name)};
    if (!table.contains("members")) {
      broken(table, "missing required key 'members' in [[group]]");
    }
    std::vector<FileProblem> ignored;
    for (const auto& [key, node] : table) {
      collect([&, &k = key, &n = node] {
        if (k == "members") {
          read_members_of(n, entry);
        } else if (k == "applied_by" || (k != "name" && !read_group_key(k, n, path_, entry.group, ignored))) {
          unknown(k, " in [[group]]", {"name", "members", "p2p", "start", "vm_uuid", "node"});
        }
      });
    }
    refuse_ignored(ignored);
    content_.file.groups.push_back(std::move(entry));
  }

  void read_members_of(const toml::node& node, GroupEntry& entry) {
    const toml::array* list = node.as_array();
    if (list == nullptr) {
      broken(node, fmt::format("'members' must be a list of names of devices, not {}", kind_name(node)));
    }
    for (const toml::node& element : *list) {
      collect([&] { entry.members.push_back({text_of(element, "members"), position(element)}); });
    }
  }

  const std::string& path_;
  HostContent& content_;
};

// Reports names that several entries have.
class HostNames {
 public:
  explicit HostNames(HostContent& content) : content_(content) {
    for (const ParentEntry& entry : content.file.parents) {
      take("parent", entry.settings.parent.str(), entry.where);
    }
    for (const GroupEntry& entry : content.file.groups) {
      take("group", entry.group.name.str(), entry.where);
    }
    for (const DeviceEntry& entry : content.file.devices) {
      take_device(entry);
    }
  }

 private:
  void take(const std::string& kind, const std::string& name, const FilePosition& where) {
    const auto [first, is_new] = seen_.try_emplace(kind + " '" + name + "'", where);
    if (!is_new) {
      const FilePosition& other = first->second;
      content_.problems.push_back({where.path, where.line, where.column,
                                   fmt::format("{} '{}' is described twice, first at {}:{}:{}", kind,
                                               printable(name), other.path, other.line, other.column)});
    }
  }

  void take_device(const DeviceEntry& entry) {
    if (entry.per_parent) {
      return;  // which devices are meant depends on the host
    }
    if (!entry.name.empty() && entry.count && entry.is_pattern()) {
      for (std::uint64_t i = 1; i <= *entry.count; ++i) {
        take("device", entry.name_of(i), entry.at("name"));
      }
    } else if (!entry.name.empty()) {
      take("device", entry.name, entry.at("name"));
    }
    // Several parents may have definitions of one UUID.
    if (entry.uuid) {
      const std::string parent = entry.parents.size() == 1 ? entry.parents.front() + "/" : std::string{};
      take("device", parent + entry.uuid->str(), entry.at("uuid"));
    }
  }

  HostContent& content_;
  std::map<std::string, FilePosition> seen_;
};

}  // namespace

HostContent parse_host(const std::vector<HostText>& texts) {
  HostContent content;
  for (const HostText& source : texts) {
    HostReader(source, content);
  }
  HostNames{content};
  // Tables are read key by key, in the order of their names.
  const auto rank = [&](const FileProblem& problem) {
    const auto place = std::find_if(texts.begin(), texts.end(),
                                    [&](const HostText& source) { return source.path == problem.path; });
    return std::tuple(place - texts.begin(), problem.line, problem.column);
  };
  std::stable_sort(content.problems.begin(), content.problems.end(),
                   [&](const FileProblem& a, const FileProblem& b) { return rank(a) < rank(b); });
  return content;
}

std::string format_host(const HostFile& file) {
  std::string text = fmt::format("version = {}\n", host_version);
  if (file.space) {
    text += fmt::format("namespace = {}\n", toml_string(file.space->str()));
  }
  for (const ParentEntry& entry : file.parents) {
    text += "\n" + host_parent_text(entry.settings);
  }
  for (const DeviceEntry& entry : file.devices) {
    text += "\n" + host_entry_text(entry);
  }
  for (const GroupEntry& entry : file.groups) {
    std::vector<std::string> members;
    std::transform(entry.members.begin(), entry.members.end(), std::back_inserter(members),
                   [](const GroupMember& member) { return member.text; });
    text += "\n" + host_group_text(entry.group, members);
  }
  return text;
}

std::string format_host(const HostDescription& host) {
  std::string text = fmt::format("version = {}\n", host_version);
  for (const ParentSettings& settings : host.parents) {
    text += "\n" + host_parent_text(settings);
  }
  for (const HostDescription::Entry& device : host.devices) {
    text += "\n" + host_device_text(device.definition, device.active);
  }
  for (const Group& group : host.groups) {
    std::vector<std::string> members;
    std::transform(group.members.begin(), group.members.end(), std::back_inserter(members),
                   [](const Member& member) { return member.str(); });
    text += "\n" + host_group_text(group, members);
  }
  return text;
}

}  // namespace mdevadm::store
