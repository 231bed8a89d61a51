#include "toml.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/util/text.hpp>

namespace mdevadm::store {

std::size_t end_of_token(std::string_view text, std::size_t begin) {
  const char first = text[begin];
  if (first == '#') {
    return std::min(text.find('\n', begin), text.size());
  }
  if (first != '"' && first != '\'') {
    return begin;
  }
  const std::string fence(3, first);
  const bool has_lines = text.substr(begin).starts_with(fence);
  const std::string_view end = has_lines ? std::string_view(fence) : std::string_view(fence).substr(0, 1);
  std::size_t at = begin + end.size();
  while (at < text.size() && !text.substr(at).starts_with(end) && (has_lines || text[at] != '\n')) {
    at += first == '"' && text[at] == '\\' ? 2U : 1U;
  }
  at = std::min(at + end.size(), text.size());
  // Up to two quotation marks can stand before the three that end the string.
  for (int i = 0; has_lines && i < 2 && at < text.size() && text[at] == first; ++i) {
    ++at;
  }
  return at;
}

toml::source_position place_of(const toml::parse_error& error, std::string_view text) {
  if (to_lower(error.description()).find("utf-8") == std::string::npos) {
    return error.source().begin;
  }
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  text.remove_prefix(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
  constexpr std::size_t longest_character = 4;
  toml::source_position place{1, 1};
  while (!text.empty()) {
    std::size_t length = 1;
    while (length <= longest_character && !is_utf8(text.substr(0, length))) {
      ++length;
    }
    if (length > std::min(longest_character, text.size())) {
      return place;
    }
    const bool ends_line = text.front() == '\n';
    place = ends_line ? toml::source_position{place.line + 1, 1}
                      : toml::source_position{place.line, place.column + 1};
    text.remove_prefix(length);
  }
  return error.source().begin;  // the parser refuses what is valid UTF-8
}

std::string syntax_problem(const toml::parse_error& error) {
  std::string_view reason = error.description();
  const std::size_t colon = reason.find(": ");
  if (reason.starts_with("Error while parsing ") && colon != std::string_view::npos) {
    reason.remove_prefix(colon + 2);
  }
  return fmt::format("invalid TOML: {}", reason);
}

std::string kind_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "a boolean";
    default: return "a date or time";
  }
}

void broken(const toml::node& node, std::string message) {
  throw Broken{node.source().begin, std::move(message)};
}

std::string text_of(const toml::node& node, std::string_view key) {
  const auto* text = node.as_string();
  if (text == nullptr) {
    broken(node, fmt::format("'{}' must be a string, not {}", key, kind_name(node)));
  }
  return text->get();
}

std::uint64_t count_of(const toml::node& node, std::string_view key) {
  const auto* number = node.as_integer();
  if (number == nullptr || number->get() < 1) {
    broken(node, fmt::format("'{}' must be a whole number of at least 1", key));
  }
  return static_cast<std::uint64_t>(number->get());
}

std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': result += "\\\""; break;
      case '\\': result += "\\\\"; break;
      case '\n': result += "\\n"; break;
      case '\t': result += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          result += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          result += c;
        }
    }
  }
  return result + '"';
}

}  // namespace mdevadm::store
