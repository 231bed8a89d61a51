// Keys shared by definition and group files: start mode and node policy. Internal header.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <optional>
#include <vector>

#include "text_editor.hpp"
#include "toml.hpp"

namespace mdevadm::store {

// Parses the value of `start`, "auto" or "manual". Throws Broken.
StartMode read_start_mode(const toml::node& node);

// Parses the table [node]; appends its unknown keys to `problems`. Returns nullopt if it has no settings, as
// if it were absent. Throws Broken.
std::optional<NodePolicy> read_node_policy(const toml::node& node, const std::string& path,
                                           std::vector<FileProblem>& problems);

// Returns the keys of [node] in the order of a new file.
std::vector<KeyText> node_keys(const std::optional<NodePolicy>& policy);

// Returns the warning about an unknown key, with its position.
FileProblem unknown_key(const std::string& path, const toml::key& key);

}  // namespace mdevadm::store
