#include <mdevadm/store/group_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

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

// Formats the members for a new file: one per line, or [] if there are none.
std::string all_members(const std::vector<Member>& members) {
  std::string text = "[\n";
  for (const Member& member : members) {
    text += member_line(member);
  }
  return members.empty() ? "[]" : text + "]";
}

// Returns whether the brackets and each member have a line of their own, so that members can be added and
// removed by line.
bool is_line_by_line(const toml::array& list) {
  std::set<toml::source_index> lines{list.source().begin.line, list.source().end.line};
  const bool apart = lines.size() == 2;
  return apart && std::all_of(list.begin(), list.end(), [&](const toml::node& element) {
           return lines.insert(element.source().begin.line).second;
         });
}

void edit_members(TextEditor& editor, const toml::array& list, const Group& before, const Group& after) {
  const auto is_in = [](const std::vector<Member>& members, const Member& member) {
    return std::find(members.begin(), members.end(), member) != members.end();
  };
  for (std::size_t i = 0; i < before.members.size(); ++i) {
    const toml::source_region& place = list.get(i)->source();
    if (!is_in(after.members, before.members[i])) {
      editor.remove_lines(place.begin.line, place.begin.line + 1);
    }
  }
  const bool adds = std::any_of(after.members.begin(), after.members.end(),
                                [&](const Member& member) { return !is_in(before.members, member); });
  if (adds && !list.empty() && is_in(after.members, before.members.back()) &&
      !trim(editor.rest_of_line(list.back().source().end)).starts_with(',')) {
    editor.insert_after(list.back().source().end, ",");
  }
  for (const Member& member : after.members) {
    if (!is_in(before.members, member)) {
      editor.insert_lines(list.source().end.line, member_line(member));
    }
  }
}

std::size_t comments_in(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '#'));
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
  const toml::parse_result parsed = toml::parse(text, std::string_view(path));
  if (!parsed) {
    const toml::source_position where = parsed.error().source().begin;
    content.problem = {path, where.line, where.column, syntax_problem(parsed.error())};
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
  const toml::parse_result parsed = toml::parse(std::string_view(text), std::string_view(path));
  const toml::array* list = parsed ? parsed.table()["members"].as_array() : nullptr;
  std::string edited;
  if (list != nullptr) {
    TextEditor editor(text, parsed.table());
    if (before.members != after.members && is_line_by_line(*list)) {
      edit_members(editor, *list, before, after);
    } else if (before.members != after.members) {
      editor.replace(list->source(), all_members(after.members));
    }
    editor.change_keys(top_keys(before), top_keys(after));
    editor.change_table("node", node_keys(before.node), node_keys(after.node));
    edited = editor.apply();
  }
  const GroupContent result = parse_group(edited, path, after.name);
  const bool loses = list != nullptr && !is_line_by_line(*list) && comments_in(edited) != comments_in(text);
  if (result.group != after || loses) {
    throw Error(
        ExitCode::failed,
        fmt::format("cannot change '{}': the layout of the file cannot be changed without losing comments",
                    path),
        "edit the file by hand");
  }
  return edited;
}

}  // namespace mdevadm::store
