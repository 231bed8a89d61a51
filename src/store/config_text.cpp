#include <mdevadm/store/config_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <mdevadm/util/text.hpp>
#include <nlohmann/json.hpp>

namespace mdevadm::store {

namespace {

using Json = nlohmann::ordered_json;

// As deep as mdevctl reads.
constexpr int deepest = 127;

struct Misread {
  std::size_t offset;
  std::string message;
};

// It is JSON, but no config.
struct NoConfig {
  std::string message;
};

// What the parser would take and mdevctl does not: a mark of byte order, and what is nested without end.
void refuse_oddities(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) {
    throw Misread{0, "a value is expected"};
  }
  int depth = 0;
  bool in_word = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_word) {
      i += c == '\\' ? 1 : 0;
      in_word = c != '"';
    } else if (c == '"') {
      in_word = true;
    } else if (c == '\0') {
      throw Misread{i, "a byte 0 is none of JSON's"};
    } else if (c == '[' || c == '{') {
      if (++depth > deepest) {
        throw Misread{i, "it is nested too deeply"};
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

// The parser's message, without its name and the place, which it puts in other words.
std::string reason_in(std::string_view message) {
  const std::size_t place = message.find("column ");
  const std::size_t colon = place == std::string_view::npos ? place : message.find(": ", place);
  return printable(colon == std::string_view::npos ? message : message.substr(colon + 2));
}

Json parse(std::string_view text) {
  refuse_oddities(text);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw Misread{error.byte > 0 ? error.byte - 1 : 0, reason_in(error.what())};
  } catch (const Json::out_of_range&) {
    throw Misread{0, "a number is too large"};
  }
}

// As a message shows a word, with what is none of the usual characters escaped.
std::string shown(const std::string& word) {
  std::string result = "\"";
  for (const char c : word) {
    switch (c) {
      case '"': result += "\\\""; break;
      case '\\': result += "\\\\"; break;
      case '\n': result += "\\n"; break;
      case '\r': result += "\\r"; break;
      case '\t': result += "\\t"; break;
      case '\0': result += "\\0"; break;
      default:
        result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f
                      ? fmt::format("\\u{{{:x}}}", static_cast<unsigned char>(c))
                      : std::string(1, c);
    }
  }
  return result + '"';
}

std::vector<ConfigAttribute> attributes_in(const Json& list) {
  if (!list.is_array()) {
    throw NoConfig{"attributes field is not an array"};
  }
  std::vector<ConfigAttribute> attributes;
  for (const Json& element : list) {
    if (!element.is_object()) {
      throw NoConfig{"invalid JSON format for attribute: not an object"};
    }
    if (element.size() != 1) {
      throw NoConfig{"invalid JSON format for attribute: too many fields"};
    }
    const std::string& name = element.begin().key();
    const Json& value = element.begin().value();
    if (!value.is_string()) {
      throw NoConfig{fmt::format("invalid JSON format for attribute {{{}, {}}}: value must be of type str",
                                 shown(name), value.dump())};
    }
    attributes.push_back({name, value.get<std::string>()});
  }
  return attributes;
}

Config config_in(const Json& root) {
  const auto value = [&](const char* key) {
    const auto found = root.is_object() ? root.find(key) : root.end();
    return found == root.end() ? Json() : *found;
  };
  const Json type = value("mdev_type");
  const Json start = value("start");
  if (type.is_null() || start.is_null()) {
    throw NoConfig{"invalid json"};
  }
  if (!type.is_string()) {
    throw NoConfig{"invalid json: mdev_type must be of type str"};
  }
  const Json attributes = value("attrs");
  return {type.get<std::string>(), start == "auto" ? StartMode::automatic : StartMode::manual,
          attributes.is_null() ? std::vector<ConfigAttribute>{} : attributes_in(attributes)};
}

// Reads with `take`, and says where it went wrong.
template <typename Take>
ConfigContent read(std::string_view text, const Take& take) {
  ConfigContent content;
  try {
    take(content);
  } catch (const Misread& misread) {
    const std::string_view before = text.substr(0, std::min(misread.offset, text.size()));
    const std::size_t last_line = before.rfind('\n');
    content.line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    content.column = before.size() - (last_line == std::string_view::npos ? 0 : last_line + 1) + 1;
    content.message = misread.message;
  } catch (const NoConfig& none) {
    content.message = none.message;
  }
  return content;
}

Json to_json(const Config& config) {
  Json attributes = Json::array();
  for (const ConfigAttribute& attribute : config.attributes) {
    attributes.push_back({{attribute.name, attribute.value}});
  }
  return {{"mdev_type", config.type},
          {"start", config.start == StartMode::automatic ? "auto" : "manual"},
          {"attrs", std::move(attributes)}};
}

}  // namespace

ConfigContent parse_config(std::string_view text) {
  return read(text, [&](ConfigContent& content) {
    const Json root = parse(text);
    content.config = config_in(root);
    for (const auto& [key, value] : root.items()) {
      if (key != "mdev_type" && key != "start" && key != "attrs") {
        content.unknown.push_back(key);
      }
    }
  });
}

std::string format_config(const Config& config, JsonForm form) {
  return to_json(config).dump(form == JsonForm::lines ? 2 : -1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mdevadm::store
