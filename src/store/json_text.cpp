#include <mdevadm/store/json_text.hpp>

#include <fmt/format.h>

#include <mdevadm/util/quote.hpp>
#include <mdevadm/util/text.hpp>
#include <nlohmann/json.hpp>

namespace mdevadm::store {

namespace {

// Finds keys by binary search; ordered_json would compare all keys of an object in each lookup.
using Json = nlohmann::json;

ConfigAttribute read_attribute(const Json& element) {
  if (!element.is_object()) {
    throw JsonMistake{"invalid JSON format for attribute: not an object"};
  }
  if (element.size() != 1) {
    throw JsonMistake{"invalid JSON format for attribute: too many fields"};
  }
  const std::string& name = element.begin().key();
  const Json& value = element.begin().value();
  if (!value.is_string()) {
    throw JsonMistake{fmt::format("invalid JSON format for attribute {{{}, {}}}: value must be of type str",
                                  quote_word(name), value.dump())};
  }
  return {name, value.get<std::string>()};
}

}  // namespace

void read_attributes(const Json& list, std::vector<ConfigAttribute>& attributes) {
  if (!list.is_array()) {
    throw JsonMistake{"attributes field is not an array"};
  }
  for (const Json& element : list) {
    attributes.push_back(read_attribute(element));
  }
}

}  // namespace mdevadm::store
