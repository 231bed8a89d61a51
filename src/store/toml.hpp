// toml++ as we use it: compiled in, no exceptions; and how a value that is not as it must be ends the reading
// of its file. For sources only.
#pragma once

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#include <toml++/toml.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace mdevadm::store {

// Ends the reading of a file.
struct Broken {
  toml::source_position where;
  std::string message;
};

[[noreturn]] void broken(const toml::node& node, std::string message);

// "a table", "a string".
std::string kind_name(const toml::node& node);

// Values of one kind; else broken() under the key's name.
std::string text_of(const toml::node& node, std::string_view key);
std::uint64_t count_of(const toml::node& node, std::string_view key);  // at least 1

// As a basic string.
std::string toml_string(std::string_view text);

}  // namespace mdevadm::store
