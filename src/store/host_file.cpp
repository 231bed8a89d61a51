#include <mdevadm/store/host_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>
#include <optional>
#include <set>

#include "definition_keys.hpp"
#include "shared_keys.hpp"
#include "toml.hpp"

namespace mdevadm::store {

namespace {

constexpr std::uint64_t most_devices_of_entry = 65536;
constexpr std::int64_t host_version = 1;

std::string element_text(const toml::node& node, std::string_view key) {
  if (!node.is_string()) {
    broken(node, fmt::format("'{}' must have only strings, not {}", key, kind_name(node)));
  }
  return text_of(node, key);
}

// The keys of a table. An unknown key that may be a misspelling of another one is that key, and unread.
struct TableKeys {
  std::set<std::string, std::less<>> read{};
  std::set<std::string, std::less<>> unread{};

  bool has(std::string_view key) const { return read.contains(key) || unread.contains(key); }
};

// Reads one file into a description.
class HostReader {
 public:
  HostReader(const std::string& path, HostFile& file) : path_(path), file_(file) {}

  // Returns whether the file could be parsed.
  bool read(const HostText& source) {
    if (!source.failure.empty()) {
      file_.problems.push_back({path_, 0, 0, source.failure});
      return false;
    }
    const toml::parse_result parsed = toml::parse(source.text, path_);
    if (!parsed) {
      add(place_of(parsed.error(), source.text), syntax_problem(parsed.error(), source.text));
      return false;
    }
    read_root(parsed.table());
    return true;
  }

 private:
  // Calls `work`; a value that is invalid becomes a problem, and the rest of the file is read. Returns
  // whether all is valid.
  template <typename Work>
  bool collect(const Work& work) {
    try {
      work();
      return true;
    } catch (const Broken& problem) {
      add_all(problem);
      return false;
    }
  }

  void add_all(const Broken& problem) {
    add(problem.where, problem.message);
    for (const Broken& other : problem.others) {
      add_all(other);
    }
  }

  void add(const toml::source_position& where, const std::string& message) {
    file_.problems.push_back({path_, where.line, where.column, message});
  }

  FilePosition position(const toml::node& node) const {
    return {path_, node.source().begin.line, node.source().begin.column};
  }

  FilePosition position(const toml::key& key) const {
    return {path_, key.source().begin.line, key.source().begin.column};
  }

  // Reports an unknown key. Returns the known one that it may mean, or the key itself.
  std::string unknown(const toml::key& key, std::string_view table, const std::vector<std::string>& known) {
    const std::optional<std::string> meant = closest(key.str(), known);
    add(key.source().begin, fmt::format("unknown key '{}'{}{}", printable(key.str()), table,
                                        meant ? fmt::format(" (did you mean '{}'?)", *meant) : ""));
    return meant.value_or(std::string(key.str()));
  }

  // Keys of tables that are ignored in other files are problems here. Returns whether there are none.
  bool refuse_ignored(std::vector<FileProblem>& ignored) {
    const bool none = ignored.empty();
    for (FileProblem& problem : ignored) {
      const std::size_t end = problem.message.find(ignored_key_ending);
      problem.message.resize(std::min(end, problem.message.size()));
      file_.problems.push_back(std::move(problem));
    }
    ignored.clear();
    return none;
  }

  void read_root(const toml::table& root) {
    if (!root.contains("version")) {
      add({1, 1}, fmt::format("missing required key 'version' (expected version = {})", host_version));
    }
    for (const auto& [key, node] : root) {
      collect([&, &name = key, &value = node] { read_top(name, value); });
    }
  }

  void read_top(const toml::key& key, const toml::node& node) {
    if (key == "version") {
      const auto* number = node.as_integer();
      if (number == nullptr || number->get() != host_version) {
        broken(node, fmt::format("unsupported version of the format (expected {})", host_version));
      }
    } else if (key == "namespace") {
      if (!collect([&] { read_space(node); })) {
        file_.unread.space = true;
      }
    } else if (key == "parent") {
      file_.unread.parents |= !for_each_table(node, "parent", [&](const auto& one) { read_parent(one); });
    } else if (key == "device") {
      file_.unread.devices |= !for_each_table(node, "device", [&](const auto& one) { read_device(one); });
    } else if (key == "group") {
      file_.unread.groups |= !for_each_table(node, "group", [&](const auto& one) { read_group(one); });
    } else {
      const std::string meant = unknown(key, "", {"version", "namespace", "parent", "device", "group"});
      file_.unread.space |= meant == "namespace";
      file_.unread.parents |= meant == "parent";
      file_.unread.devices |= meant == "device";
      file_.unread.groups |= meant == "group";
    }
  }

  void read_space(const toml::node& node) {
    const Uuid space = checked_text<Uuid>(node, "namespace", uuid_rule);
    if (file_.space && *file_.space != space) {
      broken(node, fmt::format("another file of the description has the namespace {}", file_.space->str()));
    }
    file_.space = space;
  }

  // Returns whether the value is a list of tables.
  template <typename Read>
  bool for_each_table(const toml::node& node, std::string_view key, const Read& read) {
    const auto refuse = [&](const toml::node& other) {
      add(other.source().begin,
          fmt::format("'{0}' must be a list of tables ([[{0}]]), not {1}", key, kind_name(other)));
      return false;
    };
    const toml::array* list = node.as_array();
    if (list == nullptr) {
      return refuse(node);
    }
    bool are_tables = true;
    for (const toml::node& element : *list) {
      if (const toml::table* table = element.as_table()) {
        read(*table);
      } else {
        are_tables = refuse(element);
      }
    }
    return are_tables;
  }

  // Calls `read_key` for each key; it returns false for unknown ones.
  template <typename ReadKey>
  TableKeys read_keys(const toml::table& table, std::string_view kind, const std::vector<std::string>& known,
                      const ReadKey& read_key) {
    TableKeys keys;
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      bool is_known = true;
      if (!collect([&, &k = key, &n = node] { is_known = read_key(k, n); })) {
        keys.unread.insert(name);
      } else if (is_known) {
        keys.read.insert(name);
      } else {
        keys.unread.insert(unknown(key, fmt::format(" in [[{}]]", kind), known));
      }
    }
    return keys;
  }

  // Reports a required key that is absent. Returns whether it could be read.
  bool require_key(const toml::table& table, std::string_view kind, std::string_view key,
                   const TableKeys& keys) {
    if (!keys.has(key)) {
      add(table.source().begin, fmt::format("missing required key '{}' in [[{}]]", key, kind));
    }
    return keys.read.contains(key);
  }

  // Appends the texts of a list, or a single text, that pass the check.
  template <typename Check>
  void read_texts(const toml::node& node, const std::string& key, KeyPositions& keys,
                  std::vector<std::string>& into, const Check& check) {
    const toml::array* list = node.as_array();
    if (!node.is_string() && (list == nullptr || list->empty())) {
      broken(node, fmt::format("'{}' must be a list of strings, not {}", key,
                               list == nullptr ? kind_name(node) : "an empty list"));
    }
    ValueReader values;
    const auto read = [&](const toml::node& element) {
      values.read([&] {
        std::string text = element_text(element, key);
        check(element, text);
        keys[fmt::format("{}.{}", key, into.size())] = position(element);
        into.push_back(std::move(text));
      });
    };
    if (list == nullptr) {
      read(node);
    } else {
      std::for_each(list->begin(), list->end(), read);
    }
    values.end();
  }

  void read_parent(const toml::table& table) {
    ParentEntry entry{{*ParentName::parse("unknown")}, position(table)};
    std::vector<FileProblem> ignored;
    const TableKeys keys =
        read_keys(table, "parent", {"name", "virtual_functions", "method", "reserved", "run"},
                  [&](const toml::key& key, const toml::node& node) {
                    if (key == "name") {
                      entry.settings.parent = checked_text<ParentName>(node, "name", component_rule);
                      entry.where = position(node);
                      return true;
                    }
                    return read_parent_key(key, node, path_, entry.settings, ignored);
                  });
    entry.complete = refuse_ignored(ignored) && keys.unread.empty();
    if (!require_key(table, "parent", "name", keys)) {
      file_.unread.parents = true;
      return;
    }
    file_.parents.push_back(std::move(entry));
  }

  void read_device(const toml::table& table) {
    DeviceEntry entry{.where = position(table),
                      .settings = {Uuid{}, *ParentName::parse("any"), *TypeName::parse("any")}};
    std::vector<FileProblem> ignored;
    TableKeys keys = read_keys(
        table, "device",
        {"name", "count", "count_per_parent", "uuid", "type", "need", "parents", "except", "placement",
         "state", "start", "vf", "aggregate", "create_args", "attribute", "ap", "node"},
        [&](const toml::key& key, const toml::node& node) {
          entry.keys[std::string(key.str())] = position(node);
          return read_device_key(key, node, entry, ignored);
        });
    if (!collect([&] { DefinitionKeys::read_queues(table, entry.settings); })) {
      keys.unread.insert("ap");
    }
    entry.complete = refuse_ignored(ignored) && keys.unread.empty();
    if (!keys.has("name") && !keys.has("uuid")) {
      require_key(table, "device", "name", keys);
      keys.unread.insert("name");
      entry.complete = false;
    }
    if (keys.unread.contains("count") || keys.unread.contains("count_per_parent")) {
      entry.count = std::nullopt;
    }
    entry.complete &= is_consistent(table, entry, keys);
    entry.unread = std::move(keys.unread);
    file_.devices.push_back(std::move(entry));
  }

  bool read_device_key(const toml::key& key, const toml::node& node, DeviceEntry& entry,
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
      read_texts(node, "need", entry.keys, entry.needs, [](const auto&, const auto&) {});
    } else if (key == "parents") {
      if (const auto* text = node.as_string(); text == nullptr || text->get() != "any") {
        read_parents(node, "parents", entry.keys, entry.parents);
      }
    } else if (key == "except") {
      read_parents(node, "except", entry.keys, entry.except);
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
    } else {
      return key != "abi" && key != "applied_by" &&
             DefinitionKeys(path_, ignored).read(key, node, entry.settings);
    }
    return true;
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

  void read_parents(const toml::node& node, const std::string& key, KeyPositions& keys,
                    std::vector<std::string>& into) {
    read_texts(node, key, keys, into, [&](const toml::node& element, const std::string& text) {
      if (!ParentName::parse(text)) {
        broken(element, fmt::format("invalid parent '{}': {}", printable(text), component_rule));
      }
      if (std::find(into.begin(), into.end(), text) != into.end()) {
        broken(element, fmt::format("parent '{}' is listed twice", text));
      }
    });
  }

  // Reports keys of a device that contradict each other; those that could not be read do not. Returns whether
  // there are none.
  bool is_consistent(const toml::table& table, const DeviceEntry& entry, const TableKeys& keys) {
    bool result = true;
    const auto refuse = [&](const toml::node& node, const std::string& message) {
      add(node.source().begin, message);
      result = false;
    };
    if (table.contains("type") && table.contains("need")) {
      refuse(table, "cannot combine 'type' and 'need'");
    } else if (!keys.has("type") && !keys.has("need")) {
      refuse(table, "missing required key 'type' or 'need' in [[device]]");
    }
    const toml::node* name = keys.read.contains("name") ? table.get("name") : nullptr;
    if (table.contains("count") && table.contains("count_per_parent")) {
      refuse(table, "cannot combine 'count' and 'count_per_parent'");
    } else if (!keys.unread.contains("count") && !keys.unread.contains("count_per_parent")) {
      const bool is_single = entry.count == std::uint64_t{1} && !entry.per_parent;
      const std::string problem = name != nullptr ? problem_of_name(entry) : std::string{};
      if (!is_single && entry.uuid) {
        refuse(*table.get("uuid"), "several devices cannot have the same UUID");
      } else if (!problem.empty()) {
        refuse(*name, problem);
      }
      if (!is_single && entry.settings.reserved_vf() != nullptr) {
        refuse(*table.get("vf"), "several devices cannot use the same virtual function");
      }
    }
    return result;
  }

  // Returns why the name does not fit the number of devices, or an empty text.
  static std::string problem_of_name(const DeviceEntry& entry) {
    const bool has_place = !entry.uuid && entry.name.find(parent_placeholder) != std::string::npos;
    if (has_place && !entry.per_parent) {
      return "'{parent}' in a name requires 'count_per_parent'";
    }
    if (!has_place && entry.per_parent) {
      return fmt::format(
          "with 'count_per_parent', 'name' must contain {{parent}}, which stands for the name of "
          "the parent (expected e.g. \"{}-{{parent}}-{{}}\")",
          printable(entry.name));
    }
    if (entry.count != std::uint64_t{1} && !entry.is_pattern()) {
      return fmt::format(
          "the name of several devices must contain {{}}, which their number replaces "
          "(expected e.g. \"{}-{{}}\")",
          printable(entry.name));
    }
    return {};
  }

  void read_group(const toml::table& table) {
    GroupEntry entry{{*GroupName::parse("unknown")}, position(table)};
    std::vector<FileProblem> ignored;
    const TableKeys keys = read_keys(
        table, "group", {"name", "members", "p2p", "start", "vm_uuid", "node"},
        [&](const toml::key& key, const toml::node& node) { return read_key_of(key, node, entry, ignored); });
    entry.complete = refuse_ignored(ignored) && keys.unread.empty();
    entry.complete &= require_key(table, "group", "members", keys);
    if (!require_key(table, "group", "name", keys)) {
      file_.unread.groups = true;
      return;
    }
    file_.groups.push_back(std::move(entry));
  }

  bool read_key_of(const toml::key& key, const toml::node& node, GroupEntry& entry,
                   std::vector<FileProblem>& ignored) {
    if (key == "name") {
      entry.group.name = checked_text<GroupName>(node, "name",
                                                 "must be a name without '/', blanks and control characters, "
                                                 "not begin with '-' or '.' and not be a UUID");
      entry.where = position(node);
    } else if (key == "members") {
      read_members_of(node, entry);
    } else {
      return key != "applied_by" && read_group_key(key, node, path_, entry.group, ignored);
    }
    return true;
  }

  void read_members_of(const toml::node& node, GroupEntry& entry) {
    const toml::array* list = node.as_array();
    if (list == nullptr) {
      broken(node, fmt::format("'members' must be a list of names of devices, not {}", kind_name(node)));
    }
    ValueReader values;
    for (const toml::node& element : *list) {
      values.read([&] { entry.members.push_back({element_text(element, "members"), position(element)}); });
    }
    values.end();
  }

  const std::string& path_;
  HostFile& file_;
};

}  // namespace

HostFile parse_host(const std::vector<HostText>& texts) {
  HostFile file;
  bool all_read = true;
  for (const HostText& source : texts) {
    file.paths.push_back(source.path);
    all_read &= HostReader(source.path, file).read(source);
  }
  if (!all_read) {
    file.unread = {file.unread.space || !file.space, true, true, true};
  }
  // Tables are read key by key, in the order of their names.
  std::stable_sort(
      file.problems.begin(), file.problems.end(),
      [&](const FileProblem& a, const FileProblem& b) { return file.order_of(a) < file.order_of(b); });
  return file;
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
