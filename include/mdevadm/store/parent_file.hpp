// Parser and formatter for the files of parents, mdevadm.toml(5). Pure functions.
#pragma once

#include <mdevadm/model/parent_settings.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

struct ParentFileContent {
  std::optional<ParentSettings> settings;  // absent: `problem` has the reason
  FileProblem problem;
  std::vector<FileProblem> problems;  // unknown keys
};

// Parses the settings of a parent; its name is that of the file. `path` is for messages.
ParentFileContent parse_parent_settings(std::string_view text, const std::string& path,
                                        const ParentName& parent);

// Returns the text of a new file.
std::string format_parent_settings(const ParentSettings& settings);

// Changes a file's text from `before` to `after`. Comments, order and unknown keys are preserved, except in
// commands that are replaced. Throws Error if this is not possible automatically.
std::string edit_parent_settings(const std::string& text, const std::string& path,
                                 const ParentSettings& before, const ParentSettings& after);

}  // namespace mdevadm::store
