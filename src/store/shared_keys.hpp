// Keys shared by definition, group and host files. Internal header.
#pragma once

#include <cstdint>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/parent_settings.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text_editor.hpp"
#include "toml.hpp"

namespace mdevadm::store {

// Parse the values of `start`, `mode` and `vf` ("any" or a PCI address in any spelling); nullopt: invalid.
std::optional<StartMode> start_mode_of(std::string_view text);
std::optional<std::uint32_t> file_mode_of(std::string_view text);
std::optional<FunctionName> function_of(std::string_view text);

// Parses the value of `start`, "auto" or "manual". Throws Broken.
StartMode read_start_mode(const toml::node& node);

// Parses the table [node]; appends its unknown keys to `problems`. Returns nullopt if it has no settings, as
// if it were absent. Throws Broken.
std::optional<NodePolicy> read_node_policy(const toml::node& node, const std::string& path,
                                           std::vector<FileProblem>& problems);

// Returns the keys of [node] in the order of a new file.
std::vector<KeyText> node_keys(const std::optional<NodePolicy>& policy);

inline constexpr std::string_view ignored_key_ending = ", ignored and preserved";

// Returns the warning about an unknown key, with its position; it ends in `ignored_key_ending`.
FileProblem unknown_key(const std::string& path, const toml::key& key);

// Read a key of a group other than `members`, and a key of a parent's settings, also for the file of a host;
// unknown keys of tables are appended to `problems`. Return false if the key is unknown. Throw Broken.
bool read_group_key(const toml::key& key, const toml::node& node, const std::string& path, Group& group,
                    std::vector<FileProblem>& problems);
bool read_parent_key(const toml::key& key, const toml::node& node, const std::string& path,
                     ParentSettings& settings, std::vector<FileProblem>& problems);

// Return a group and the settings of a parent as [[group]] and [[parent]] in the file of a host.
std::string host_group_text(const Group& group, const std::vector<std::string>& members);
std::string host_parent_text(const ParentSettings& settings);

}  // namespace mdevadm::store
