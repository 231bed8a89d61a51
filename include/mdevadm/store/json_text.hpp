// JSON that somebody else wrote: files and scripts that speak mdevctl's language. For those who know the JSON
// library; of that, its header brings no more than names.
#pragma once

#include <cstddef>
#include <mdevadm/model/config.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

// What is wrong with it. Line and column count from 1; 0: it is JSON, and not what was wanted.
struct JsonMistake {
  std::string message;
  std::size_t line = 0;
  std::size_t column = 0;
};

// Of a key's values the last counts. Throws JsonMistake, also for what the library takes and mdevctl does
// not: a mark of byte order, and what is nested without end.
nlohmann::json parse_json(std::string_view text);

// Appends the attributes in a list up to the first that is none: for that one, throws JsonMistake.
void read_attributes(const nlohmann::json& list, std::vector<ConfigAttribute>& attributes);

}  // namespace mdevadm::store
