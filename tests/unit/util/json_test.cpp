#include <mdevadm/util/json.hpp>

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("a number that is too large is reported with its position") {
  for (const auto& [text, place] :
       {std::pair(R"({"x": 1e999})", std::pair(1, 7)),
        std::pair("{\n  \"1e999\": 1,\n  \"y\": [11e999, 1e999]}", std::pair(3, 9)),
        std::pair(R"({"a\"1e999": 12, "b": -1e999})", std::pair(1, 23))}) {
    INFO(text);
    try {
      std::ignore = parse_json(text);
      FAIL("accepted");
    } catch (const JsonMistake& mistake) {
      CHECK(mistake.message == "invalid JSON: number too large");
      CHECK(mistake.line == static_cast<std::size_t>(place.first));
      CHECK(mistake.column == static_cast<std::size_t>(place.second));
    }
  }
}
