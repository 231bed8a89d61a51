#include <mdevadm/store/group_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

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
      broken(element, fmt::format("'{}' is no member: it must be a UUID, or PARENT/UUID", printable(text)));
    }
    if (std::find(members.begin(), members.end(), *member) != members.end()) {
      broken(element, fmt::format("'{}' is a member twice", member->str()));
    }
    members.push_back(*member);
  }
  return members;
}

// The text of `members = [ ... ]` for a file that has each member on a line of its own, or none.
std::string all_members(const std::vector<Member>& members) {
  std::string text = "[\n";
  for (const Member& member : members) {
    text += member_line(member);
  }
  return members.empty() ? "[]" : text + "]";
}

// Lines of a text, each with its end.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// Whether the list has its brackets and each member on lines of their own: then a line can come or go.
bool is_line_by_line(const toml::array& list) {
  std::set<toml::source_index> lines{list.source().begin.line, list.source().end.line};
  const bool apart = lines.size() == 2;
  return apart && std::all_of(list.begin(), list.end(), [&](const toml::node& element) {
           return lines.insert(element.source().begin.line).second;
         });
}

std::string edit_lines(const std::string& text, const toml::array& list, const Group& before,
                       const Group& after) {
  std::vector<std::string> lines = lines_of(text);
  const auto stays = [&](const Member& member) {
    return std::find(after.members.begin(), after.members.end(), member) != after.members.end();
  };
  // From the end, so that the numbers of lines above stay true.
  std::size_t end = list.source().end.line - 1;
  for (std::size_t i = before.members.size(); i-- > 0;) {
    const std::size_t line = list.get(i)->source().begin.line - 1;
    if (!stays(before.members[i])) {
      lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(line));
      --end;
    } else if (const std::string& last = lines[line];
               i + 1 == before.members.size() && trim(last).ends_with('"')) {
      lines[line].insert(last.find_last_of('"') + 1, ",");
    }
  }
  for (const Member& member : after.members) {
    if (std::find(before.members.begin(), before.members.end(), member) == before.members.end()) {
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(end++), member_line(member));
    }
  }
  std::string result;
  for (const std::string& line : lines) {
    result += line;
  }
  return result;
}

std::size_t offset_of(const std::string& text, toml::source_position position) {
  std::size_t offset = 0;
  for (toml::source_index line = 1; line < position.line; ++line) {
    offset = text.find('\n', offset) + 1;
  }
  return offset + position.column - 1;
}

std::size_t comments_in(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '#'));
}

}  // namespace

GroupContent parse_group(std::string_view text, const std::string& path, const GroupName& name) {
  GroupContent content;
  const toml::parse_result parsed = toml::parse(text, std::string_view(path));
  if (!parsed) {
    const toml::source_position where = parsed.error().source().begin;
    content.problem = {path, where.line, where.column, std::string(parsed.error().description())};
    return content;
  }
  try {
    Group group{name};
    const toml::node* members = parsed.table().get("members");
    if (members == nullptr) {
      throw Broken{{}, "there is no 'members'"};
    }
    group.members = read_members(*members);
    for (const auto& [key, node] : parsed.table()) {
      if (key.str() != "members") {
        const toml::source_position where = key.source().begin;
        content.odd.push_back({path, where.line, where.column,
                               fmt::format("unknown key '{}', kept as it is", printable(key.str()))});
      }
    }
    content.group = std::move(group);
  } catch (const Broken& problem) {
    content.problem = {path, problem.where.line, problem.where.column, problem.message};
  }
  return content;
}

std::string format_group(const Group& group) {
  return fmt::format("members = {}\n", all_members(group.members));
}

std::string edit_group(const std::string& text, const std::string& path, const Group& before,
                       const Group& after) {
  const toml::parse_result parsed = toml::parse(std::string_view(text), std::string_view(path));
  const toml::array* list = parsed ? parsed.table()["members"].as_array() : nullptr;
  std::string edited;
  if (list != nullptr && is_line_by_line(*list)) {
    edited = edit_lines(text, *list, before, after);
  } else if (list != nullptr) {
    const std::size_t from = offset_of(text, list->source().begin);
    const std::size_t to = offset_of(text, list->source().end);
    edited = text.substr(0, from) + all_members(after.members) + text.substr(to);
  }
  const GroupContent result = parse_group(edited, path, after.name);
  const bool loses = list != nullptr && !is_line_by_line(*list) && comments_in(edited) != comments_in(text);
  if (!result.group || result.group->members != after.members || loses) {
    throw Error(ExitCode::failed,
                fmt::format("cannot change '{}': its form cannot be changed without losing comments", path),
                "edit the file by hand");
  }
  return edited;
}

}  // namespace mdevadm::store
