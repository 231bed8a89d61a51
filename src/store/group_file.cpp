#include <mdevadm/store/group_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "shared_keys.hpp"
#include "text_editor.hpp"
#include "toml.hpp"

namespace mdevadm::store {

namespace {

std::string member_line(const Member& member) {
  return fmt::format("  \"{}\",\n", member.str());
}

std::vector<Member> read_members(const toml::node& node) {
  const toml::array* list = node.as_array();
  if (list == nullptr) {
    broken(node, fmt::format("'members' must be a list of UUIDs, not {}", kind_name(node)));
  }
  std::vector<Member> members;
  for (const toml::node& element : *list) {
    const std::string text = text_of(element, "members");
    const auto member = Member::parse(text);
    if (!member) {
      broken(element, fmt::format("invalid member '{}' (expected UUID or PARENT/UUID)", printable(text)));
    }
    if (std::find(members.begin(), members.end(), *member) != members.end()) {
      broken(element, fmt::format("duplicate member '{}'", member->str()));
    }
    members.push_back({member->uuid, member->parent, element.source().begin.line});
  }
  return members;
}

// Formats the members: one per line, or [] if there are none.
std::string all_members(const std::vector<Member>& members, const std::vector<std::string>& comments = {}) {
  std::string text = "[\n";
  for (const std::string& comment : comments) {
    text += fmt::format("  {}\n", comment);
  }
  for (const Member& member : members) {
    text += member_line(member);
  }
  return members.empty() && comments.empty() ? "[]" : text + "]";
}

// Returns whether the brackets and each member have a line of their own, so that members can be added, moved
// and removed by line.
bool is_line_by_line(const toml::array& list) {
  std::set<toml::source_index> lines{list.source().begin.line, list.source().end.line};
  const bool apart = lines.size() == 2;
  return apart && std::all_of(list.begin(), list.end(), [&](const toml::node& element) {
           return lines.insert(element.source().begin.line).second;
         });
}

// A member of a list that is line by line.
struct MemberLines {
  std::string before{};  // the comments and blank lines above it
  std::string line{};
  std::string rest{};  // of the line, after the member, with its end
};

// Rearranges the lines of a list. A comment on the line of a member, and comments above it, stay with it;
// those above a member that is removed go to the next one.
std::string arranged_lines(const std::string& text, const TextEditor& editor, const toml::array& list,
                           const Group& before, const std::vector<Member>& after) {
  const std::vector<std::string_view> lines = split(text, '\n');
  std::size_t next = list.source().begin.line;  // index of the line after the bracket
  const auto lines_until = [&](std::size_t end) {
    std::string above;
    for (; next < end; ++next) {
      above += std::string(lines[next]) + '\n';
    }
    return above;
  };
  std::vector<MemberLines> known;
  std::string above;
  for (std::size_t i = 0; i < before.members.size(); ++i) {
    const toml::source_region& place = list.get(i)->source();
    above += lines_until(place.begin.line - 1);
    MemberLines& member = known.emplace_back();
    member.line = std::string(lines[next++]) + '\n';
    member.rest = std::string(editor.rest_of_line(place.end));
    if (std::find(after.begin(), after.end(), before.members[i]) != after.end()) {
      member.before = std::exchange(above, {});
    }
  }
  above += lines_until(list.source().end.line - 1);
  std::string result;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const auto found = std::find(before.members.begin(), before.members.end(), after[i]);
    if (found == before.members.end()) {
      result += member_line(after[i]);
      continue;
    }
    MemberLines& member = known[static_cast<std::size_t>(found - before.members.begin())];
    if (i + 1 < after.size() && !trim(member.rest).starts_with(',')) {
      member.line.insert(member.line.size() - member.rest.size(), ",");
    }
    result += member.before + member.line;
  }
  return result + above;
}

// Whether the members keep their lines. If not, the comments are moved above the members.
enum class Layout { kept, rewritten };

void edit_members(TextEditor& editor, const std::string& text, const toml::array& list, const Group& before,
                  const Group& after, Layout layout) {
  const toml::source_region& place = list.source();
  if (layout == Layout::kept) {
    editor.replace_lines(place.begin.line + 1, place.end.line,
                         arranged_lines(text, editor, list, before, after.members));
  } else {
    editor.replace(place, all_members(after.members, comments_in(editor.text_of(place))));
  }
}

Sharing read_sharing(const toml::node& node) {
  const std::string text = text_of(node, "p2p");
  if (const auto sharing = parse_sharing(text)) {
    return *sharing;
  }
  broken(node, fmt::format("'p2p' must be \"auto\", \"require\" or \"off\", not \"{}\"", printable(text)));
}

// Returns the single-value keys; default values are omitted.
std::vector<KeyText> top_keys(const Group& group) {
  return {
      {"p2p", group.sharing != Sharing::automatic ? std::optional(toml_string(sharing_word(group.sharing)))
                                                  : std::nullopt},
      {"start", group.start == StartMode::automatic ? std::optional(toml_string("auto")) : std::nullopt},
      {"vm_uuid", group.vm ? std::optional(toml_string(group.vm->str())) : std::nullopt},
      {"applied_by", group.applied_by ? std::optional(toml_string(group.applied_by->str())) : std::nullopt}};
}

}  // namespace

bool read_group_key(const toml::key& key, const toml::node& node, const std::string& path, Group& group,
                    std::vector<FileProblem>& problems) {
  if (key == "p2p") {
    group.sharing = read_sharing(node);
  } else if (key == "start") {
    group.start = read_start_mode(node);
  } else if (key == "vm_uuid") {
    const std::string text = text_of(node, "vm_uuid");
    group.vm = Uuid::parse(text);
    if (!group.vm) {
      broken(node, fmt::format("invalid vm_uuid '{}' (expected a UUID)", printable(text)));
    }
  } else if (key == "node") {
    group.node = read_node_policy(node, path, problems);
  } else if (key == "applied_by") {
    const std::string text = text_of(node, "applied_by");
    group.applied_by = Uuid::parse(text);
    if (!group.applied_by) {
      broken(node, fmt::format("invalid applied_by '{}' (expected a UUID)", printable(text)));
    }
  } else {
    return false;
  }
  return true;
}

GroupContent parse_group(std::string_view text, const std::string& path, const GroupName& name) {
  GroupContent content;
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    const toml::source_position where = place_of(parsed.error(), text);
    content.problem = {path, where.line, where.column, syntax_problem(parsed.error(), text)};
    return content;
  }
  try {
    Group group{name};
    if (!parsed.table().contains("members")) {
      throw Broken{{}, "missing required key 'members'"};
    }
    for (const auto& [key, node] : parsed.table()) {
      if (key == "members") {
        group.members = read_members(node);
      } else if (!read_group_key(key, node, path, group, content.problems)) {
        content.problems.push_back(unknown_key(path, key));
      }
    }
    content.group = std::move(group);
  } catch (const Broken& problem) {
    content.problem = {path, problem.where.line, problem.where.column, problem.message};
  }
  return content;
}

std::string format_group(const Group& group) {
  std::string text = fmt::format("members = {}\n", all_members(group.members)) + key_lines(top_keys(group));
  return group.node ? text + "\n[node]\n" + key_lines(node_keys(group.node)) : text;
}

std::string host_group_text(const Group& group, const std::vector<std::string>& members) {
  std::string list;
  for (const std::string& member : members) {
    list += fmt::format("  {},\n", toml_string(member));
  }
  std::vector<KeyText> keys = top_keys(group);
  std::erase_if(keys, [](const KeyText& key) { return key.first == "applied_by"; });
  const std::string text =
      fmt::format("[[group]]\nname = {}\nmembers = [{}]\n{}", toml_string(group.name.str()),
                  list.empty() ? "" : "\n" + list, key_lines(keys));
  return group.node ? text + "\n[group.node]\n" + key_lines(node_keys(group.node)) : text;
}

std::string edit_group(const std::string& text, const std::string& path, const Group& before,
                       const Group& after) {
  const toml::parse_result parsed = toml::parse(text, path);
  const toml::array* list = parsed ? parsed.table()["members"].as_array() : nullptr;
  for (const Layout layout : {Layout::kept, Layout::rewritten}) {
    if (list == nullptr || (layout == Layout::kept && !is_line_by_line(*list))) {
      continue;
    }
    TextEditor editor(text, parsed.table());
    if (before.members != after.members) {
      edit_members(editor, text, *list, before, after, layout);
    }
    editor.change_keys(top_keys(before), top_keys(after));
    editor.change_table("node", node_keys(before.node), node_keys(after.node));
    std::string edited = editor.apply();
    if (parse_group(edited, path, after.name).group == after) {
      return edited;
    }
  }
  throw Error(ExitCode::failed, fmt::format("cannot change '{}': its layout is not supported", path),
              "edit the file by hand");
}

}  // namespace mdevadm::store
