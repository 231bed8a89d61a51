// Parser for JSON in mdevctl's format from files and scripts. Internal: include only where nlohmann/json is
// used (this header needs forward declarations only).
#pragma once

#include <cstddef>
#include <mdevadm/model/config.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

// A problem with its position. Lines and columns count from 1; line 0: valid JSON, but of the wrong
// structure.
struct JsonMistake {
  std::string message;
  std::size_t line = 0;
  std::size_t column = 0;
};

// Parses JSON. If a key is repeated, the last value wins. Throws JsonMistake, also for input that the library
// accepts and mdevctl does not: a byte order mark and very deep nesting.
nlohmann::json parse_json(std::string_view text);

// Appends the attributes of a list. Throws JsonMistake at the first invalid one; those before it are
// appended.
void read_attributes(const nlohmann::json& list, std::vector<ConfigAttribute>& attributes);

}  // namespace mdevadm::store
