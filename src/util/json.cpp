#include <mdevadm/util/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>
#include <nlohmann/json.hpp>

namespace mdevadm {

namespace {

// Nesting depth that mdevctl accepts, too. Later processing may be recursive.
constexpr int deepest = 127;

JsonMistake mistake_at(std::string_view text, std::size_t offset, std::string message) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t last_line = before.rfind('\n');
  return {std::move(message), static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1,
          before.size() - (last_line == std::string_view::npos ? 0 : last_line + 1) + 1};
}

void refuse_ambiguities(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) {
    throw mistake_at(text, 0, "invalid JSON: expected a value");
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
      throw mistake_at(text, i, "invalid JSON: zero byte");
    } else if (c == '[' || c == '{') {
      if (++depth > deepest) {
        throw mistake_at(text, i, "invalid JSON: nested too deeply");
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

std::string_view after(std::string_view message, std::string_view mark) {
  const std::size_t at = message.find(mark);
  return at == std::string_view::npos ? std::string_view{} : message.substr(at + mark.size());
}

// Converts the parser's message "[json.exception.parse_error.101] parse error at line 1, column 3: syntax
// error while parsing object key - invalid literal; last read: '{b'; expected string literal" to "invalid
// JSON after '{b': expected string literal". The position is reported separately.
std::string reason_in(std::string_view message) {
  if (message.find("unexpected end of input") != std::string_view::npos) {
    return "invalid JSON: unexpected end of the text";
  }
  const std::string_view expected = after(message, "; expected ");
  const std::string_view read = after(message, "last read: '");
  const std::string where =
      read.empty() ? std::string{} : fmt::format(" after '{}'", printable(read.substr(0, read.find('\''))));
  return expected.empty() ? fmt::format("invalid JSON{}", where)
                          : fmt::format("invalid JSON{}: expected {}", where, printable(expected));
}

// Returns where a number is in a text that is valid up to it. `number`: as written, and a quotation mark.
std::size_t place_of_number(std::string_view text, std::string_view number) {
  constexpr std::string_view digits = "+-.0123456789eE";
  number = number.substr(0, number.find('\''));
  bool in_word = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_word) {
      in_word = text[i] != '"';
      i += text[i] == '\\' ? 1U : 0U;
    } else if (text[i] == '"') {
      in_word = true;
    } else if (text[i] == '-' || (text[i] >= '0' && text[i] <= '9')) {
      const std::string_view found =
          text.substr(i, std::min(text.find_first_not_of(digits, i), text.size()) - i);
      if (found == number) {
        return i;
      }
      i += found.size() - 1;
    }
  }
  return 0;
}

}  // namespace

nlohmann::json parse_json(std::string_view text) {
  refuse_ambiguities(text);
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    throw mistake_at(text, error.byte > 0 ? error.byte - 1 : 0, reason_in(error.what()));
  } catch (const nlohmann::json::out_of_range& error) {
    throw mistake_at(text, place_of_number(text, after(error.what(), "parsing '")),
                     "invalid JSON: number too large");
  }
}

}  // namespace mdevadm
