// Fast reader for the part of TOML that mdevadm writes. Internal header.
#pragma once

#include <optional>
#include <string_view>

#include "toml.hpp"

namespace mdevadm::store {

// Returns the content of a file that has nothing but comments, `key = "text"`, `key = NUMBER`, [table] and
// [[table]], with bare keys, and ASCII texts without escapes. Returns nullopt for all other texts, also for
// invalid ones: toml::parse() reads them, and reports errors. Nodes have no positions.
//
// A third of the time of `list --defined` was toml::parse(). What this function returns is equal to the
// result of toml::parse(), which the unit tests and the fuzz target "definition" check.
std::optional<toml::table> read_plain_toml(std::string_view text);

}  // namespace mdevadm::store
