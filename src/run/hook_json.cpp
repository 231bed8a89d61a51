#include <mdevadm/run/hook_json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace mdevadm {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array known_actions{"start",  "stop",       "define",      "undefine",
                                   "modify", "attributes", "capabilities"};
constexpr std::array known_events{"pre", "post", "notify", "get", "live"};

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Some scripts, and the shells that they are written in, end what they say with NULs.
std::string_view without_nuls(std::string_view text) {
  return text.substr(0, text.find_last_not_of('\0') + 1);
}

// Counts the words that nobody knows; false if it is no list of words.
template <typename Known>
bool take_words(const Json& supports, const char* key, const Known& known, std::set<std::string>& words,
                std::size_t& unknown) {
  const auto list = supports.find(key);
  if (list == supports.end() || !list->is_array()) {
    return false;
  }
  for (const Json& word : *list) {
    if (!word.is_string()) {
      return false;
    }
    const std::string& text = word.get_ref<const std::string&>();
    if (std::find(known.begin(), known.end(), text) == known.end()) {
      ++unknown;
    } else {
      words.insert(text);
    }
  }
  return true;
}

std::string place_of(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, std::min(text.size(), byte > 0 ? byte - 1 : 0));
  const std::size_t line = before.rfind('\n');
  return fmt::format("line {} column {}", 1 + std::count(before.begin(), before.end(), '\n'),
                     line == std::string_view::npos ? before.size() + 1 : before.size() - line);
}

Error refused(const std::string& what) {
  return {ExitCode::failed, "invalid JSON format for attribute" + what};
}

// Appends it, or says what is wrong.
std::optional<Error> take_attribute(const Json& one, std::vector<Attribute>& attributes) {
  if (!one.is_object()) {
    return refused(": not an object");
  }
  if (one.size() != 1) {
    return refused(": too many fields");
  }
  const auto field = one.begin();
  if (!field->is_string()) {
    return refused(fmt::format(" {{{}, {}}}: value must be of type str", dump(field.key()), dump(*field)));
  }
  const std::optional<AttributeName> name = AttributeName::parse(field.key());
  if (!name) {
    return refused(fmt::format(" {{{}, {}}}: it has no such name", dump(field.key()), dump(*field)));
  }
  attributes.push_back({*name, field->get<std::string>()});
  return std::nullopt;
}

}  // namespace

std::string compact_config(const Definition& definition) {
  Json attributes = Json::array();
  for (const Attribute& attribute : definition.attributes) {
    attributes.push_back({{attribute.name.str(), attribute.value}});
  }
  return dump({{"mdev_type", definition.type.str()},
               {"start", definition.start == StartMode::automatic ? "auto" : "manual"},
               {"attrs", std::move(attributes)}});
}

std::string provided_capabilities() {
  return dump({{"provides", {{"version", 2}, {"actions", known_actions}, {"events", known_events}}}});
}

std::optional<SupportedHooks> parse_capabilities(std::string_view text) {
  const Json root = Json::parse(without_nuls(text), nullptr, false);
  const auto supports = root.find("supports");  // of anything but an object: the end
  if (!root.is_object() || supports == root.end() || !supports->is_object()) {
    return std::nullopt;
  }
  SupportedHooks result;
  const auto version = supports->find("version");
  const bool answered =
      version != supports->end() && version->is_number_unsigned() &&
      take_words(*supports, "actions", known_actions, result.actions, result.unknown_actions) &&
      take_words(*supports, "events", known_events, result.events, result.unknown_events);
  return answered ? std::optional(std::move(result)) : std::nullopt;
}

ReportedAttributes parse_reported_attributes(std::string_view text) {
  ReportedAttributes result;
  if (text.empty()) {
    return result;
  }
  const std::string clean = in_characters(without_nuls(text));
  Json root;
  try {
    root = Json::parse(clean);
  } catch (const Json::parse_error& error) {
    result.error = Error(ExitCode::failed, "Invalid JSON received from callout script",
                         "not understood at " + place_of(clean, error.byte));
    return result;
  }
  // What ap-check prints for an empty matrix.
  if (root.is_null() || root == Json::array({Json::object()})) {
    return result;
  }
  if (!root.is_array()) {
    result.error = Error(ExitCode::failed, "attributes field is not an array");
    return result;
  }
  for (auto one = root.begin(); one != root.end() && !result.error; ++one) {
    result.error = take_attribute(*one, result.attributes);
  }
  return result;
}

std::string in_characters(std::string_view text) {
  return Json::parse(dump(Json(text))).get<std::string>();
}

}  // namespace mdevadm
