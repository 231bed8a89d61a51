#include <mdevadm/run/hook_json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/store/json_text.hpp>
#include <mdevadm/util/quote.hpp>
#include <nlohmann/json.hpp>
#include <string_view>

namespace mdevadm {

namespace {

using Json = nlohmann::json;

constexpr std::array known_actions{"start",  "stop",       "define",      "undefine",
                                   "modify", "attributes", "capabilities"};
constexpr std::array known_events{"pre", "post", "notify", "get", "live"};

std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Some scripts, because of the shell that runs them, terminate their output with NUL bytes.
std::string_view without_nuls(std::string_view text) {
  return text.substr(0, text.find_last_not_of('\0') + 1);
}

// Splits a list into known names and a count of unknown ones. Returns false if the value is not a list of
// strings.
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

Error error_of(const JsonMistake& mistake) {
  if (mistake.line == 0) {
    return {ExitCode::failed, mistake.message};
  }
  return {ExitCode::failed, "Invalid JSON received from callout script",
          fmt::format("not understood at line {} column {}", mistake.line, mistake.column)};
}

// Returns the attributes up to the first with an invalid name. `error` is the error after the last one.
ReportedAttributes take_names(const std::vector<ConfigAttribute>& words, std::optional<Error> error) {
  ReportedAttributes result{{}, std::move(error)};
  for (const ConfigAttribute& word : words) {
    const std::optional<AttributeName> name = AttributeName::parse(word.name);
    if (!name) {
      result.error = Error(ExitCode::failed,
                           fmt::format("invalid JSON format for attribute {{{}, {}}}: it has no such name",
                                       quote_word(word.name), quote_word(word.value)));
      break;
    }
    result.attributes.push_back({*name, word.value});
  }
  return result;
}

}  // namespace

std::string provided_capabilities() {
  return dump({{"provides", {{"version", 2}, {"actions", known_actions}, {"events", known_events}}}});
}

std::optional<SupportedHooks> parse_capabilities(std::string_view text) {
  Json root;
  try {
    root = parse_json(without_nuls(text));
  } catch (const JsonMistake&) {
    return std::nullopt;
  }
  const auto supports = root.find("supports");  // end() if root is not an object
  if (supports == root.end() || !supports->is_object()) {
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
  if (text.empty()) {
    return {};
  }
  std::vector<ConfigAttribute> words;
  std::optional<Error> error;
  try {
    const Json root = parse_json(in_characters(without_nuls(text)));
    // ap-check prints [{}] for an empty matrix.
    if (!root.is_null() && root != Json::array({Json::object()})) {
      store::read_attributes(root, words);
    }
  } catch (const JsonMistake& mistake) {
    error = error_of(mistake);
  }
  return take_names(words, std::move(error));
}

std::string in_characters(std::string_view text) {
  return Json::parse(dump(text)).get<std::string>();
}

}  // namespace mdevadm
