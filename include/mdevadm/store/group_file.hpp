// Parser and formatter for group files, mdevadm.toml(5). Pure functions.
#pragma once

#include <mdevadm/model/group.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

struct GroupContent {
  std::optional<Group> group;  // absent: `problem` has the reason
  FileProblem problem;
  std::vector<FileProblem> problems;  // unknown keys
};

// Parses a group; its name is that of the file. `path` is for messages.
GroupContent parse_group(std::string_view text, const std::string& path, const GroupName& name);

// Returns the text of a new file.
std::string format_group(const Group& group);

// Changes a file's text from the group `before` to `after`. Comments and lines other than those of removed
// members are preserved. Throws Error if this is not possible automatically; the user then has to edit the
// file.
std::string edit_group(const std::string& text, const std::string& path, const Group& before,
                       const Group& after);

}  // namespace mdevadm::store
