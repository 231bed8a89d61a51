#include "toml.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/util/text.hpp>

namespace mdevadm::store {

namespace {

bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

// Finds where strings can begin: not within a bare value, such as 1"ü", which the parser reads to its end.
class Position {
 public:
  bool begins_string() const { return !in_bare_value_; }

  // Moves over a character that is in no string or comment.
  void pass(char c) {
    constexpr std::string_view ends = " \t\r\n,]}";
    if (in_bare_value_ && ends.find(c) == std::string_view::npos) {
      return;
    }
    in_bare_value_ = false;
    switch (c) {
      case ' ':
      case '\t':
      case '\r': break;
      case '\n': in_value_ = in_value_ && !open_.empty(); break;
      case ',': in_value_ = open_.ends_with('['); break;
      case ']':
      case '}':
        if (!open_.empty()) {
          open_.pop_back();
          in_value_ = true;
        }
        break;
      default: begin(c); break;
    }
  }

 private:
  void begin(char c) {
    if (!in_value_) {
      in_value_ = c == '=';
    } else if (c == '[' || c == '{') {
      open_ += c;
      in_value_ = c == '[';
    } else {
      in_bare_value_ = true;
    }
  }

  bool in_value_ = false;  // not in a key or the header of a table
  bool in_bare_value_ = false;
  std::string open_{};  // brackets of arrays and inline tables
};

// Returns the position of the first character that is not ASCII and in no string or comment, or npos.
std::size_t find_bare_letter(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), is_ascii)) {
    return std::string_view::npos;
  }
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  std::size_t at = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  for (Position position; at < text.size();) {
    if (!is_ascii(text[at])) {
      return at;
    }
    const bool may_begin = position.begins_string() || text[at] == '#';
    const std::size_t end = may_begin ? end_of_token(text, at) : at;
    if (end == at) {
      position.pass(text[at]);
    }
    at = std::max(end, at + 1);
  }
  return std::string_view::npos;
}

toml::parse_error error_at(std::string_view text, std::size_t at) {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; };
  const std::size_t line_start = text.substr(0, at).rfind('\n') + 1;  // 0 if there is none
  const auto lines = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  const std::string_view before = text.substr(line_start, at - line_start);
  const auto column =
      before.size() - static_cast<std::size_t>(std::count_if(before.begin(), before.end(), continues));
  const auto end =
      std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at) + 1, text.end(), continues);
  const std::string_view letter = text.substr(at, static_cast<std::size_t>(end - text.begin()) - at);
  return {fmt::format("'{}' is allowed in strings and comments only", printable(letter)),
          toml::source_position{static_cast<toml::source_index>(lines + 1),
                                static_cast<toml::source_index>(column + 1)}};
}

}  // namespace

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

toml::parse_result parse_toml(std::string_view text, std::string_view path) {
  if (const std::size_t at = find_bare_letter(text); at != std::string_view::npos) {
    return toml::parse_result(error_at(text, at));
  }
  return toml::parse(text, path);
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
