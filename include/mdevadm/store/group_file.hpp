// The text of a group's file: mdevadm.toml(5). Pure.
#pragma once

#include <mdevadm/model/group.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

struct GroupContent {
  std::optional<Group> group;  // absent: `problem` says why
  FileProblem problem;
  std::vector<FileProblem> odd;  // unknown keys
};

// Reads a group; its name is that of the file. `path` is for messages.
GroupContent parse_group(std::string_view text, const std::string& path, const GroupName& name);

// The text of a new file.
std::string format_group(const Group& group);

// `text` holds `before`; the result holds the members of `after` and every comment and line that is not
// itself a member's that goes. Throws Error if that cannot be done by machine, leaving it to the person.
std::string edit_group(const std::string& text, const std::string& path, const Group& before,
                       const Group& after);

}  // namespace mdevadm::store
