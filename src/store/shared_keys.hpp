// What definitions and groups say in the same words: start, and who may open a node. For sources only.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <optional>
#include <vector>

#include "text_editor.hpp"
#include "toml.hpp"

namespace mdevadm::store {

// "auto" or "manual", the value of `start`. Throws Broken.
StartMode read_start_mode(const toml::node& node);

// The table's keys that mean nothing to us are given to `odd`. Throws Broken.
NodePolicy read_node_policy(const toml::node& node, const std::string& path, std::vector<FileProblem>& odd);

std::vector<KeyText> node_keys(const std::optional<NodePolicy>& policy);

// One line of a file that says something unknown.
FileProblem unknown_key(const std::string& path, const toml::key& key);

}  // namespace mdevadm::store
