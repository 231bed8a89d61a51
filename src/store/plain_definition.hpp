// Fast reader for definitions in the part of TOML that mdevadm writes. Internal header.
#pragma once

#include <mdevadm/store/definition_file.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mdevadm::store {

// Returns the definition in a file that has nothing but comments, `key = "text"`, `key = NUMBER`, [table] and
// [[table]], with bare keys, and ASCII texts without escapes, if its parent and UUID are known. Returns
// nullopt for all other texts, also for invalid ones, and if a key is unknown or a value invalid: the library
// reads them, and problems have positions. `similar`: a definition whose names are shared, not copied, if
// they are the same.
//
// Most of the time of `list --defined` would be that of toml++. What this function returns is equal to what
// read_with_library() returns, which the unit tests and the fuzz target "definition" check.
std::optional<Definition> read_plain_definition(std::string_view text, const Identity& known,
                                                const Definition* similar = nullptr);

// Does what parse_definition() does with toml++.
FileContent read_with_library(std::string_view text, const std::string& path, const Identity& known);

}  // namespace mdevadm::store
