// Parser for JSON of other programs, with limits. Internal: include only where nlohmann/json is used (this
// header needs forward declarations only).
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace mdevadm {

// A problem with its position. Lines and columns count from 1; line 0: valid JSON, but of the wrong
// structure.
struct JsonMistake {
  std::string message;
  std::size_t line = 0;
  std::size_t column = 0;
};

// Parses JSON. If a key is repeated, the last value wins. Throws JsonMistake, also for input that the library
// accepts: a byte order mark, a zero byte and very deep nesting.
nlohmann::json parse_json(std::string_view text);

}  // namespace mdevadm
