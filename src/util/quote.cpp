#include <mdevadm/util/quote.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

std::string escaped_byte(char c, bool escapes_apostrophe) {
  switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '\0': return "\\0";
    case '\'': return escapes_apostrophe ? "\\'" : "'";
    default:
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f
                 ? fmt::format("\\u{{{:x}}}", static_cast<unsigned char>(c))
                 : std::string(1, c);
  }
}

// Returns the length in bytes of the non-ASCII character at the start, or 0 if it is not valid UTF-8.
std::size_t length_of_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return is_utf8(text.substr(0, length)) ? length : 0;
}

// Returns whether a terminal interprets the character or does not show it: C1 control characters, direction
// and joining marks, private use. mdevctl escapes some further characters.
bool is_unseen(char32_t c) {
  return (c >= 0x80 && c < 0xa0) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x2069) || c == 0xfeff || (c >= 0xe000 && c <= 0xf8ff);
}

// Decodes one valid UTF-8 sequence of at least two bytes.
char32_t decoded(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  char32_t result = byte(0) & (0x7fU >> character.size());
  for (std::size_t i = 1; i < character.size(); ++i) {
    result = (result << 6) | (byte(i) & 0x3fU);
  }
  return result;
}

std::string escaped_character(std::string_view character) {
  const char32_t c = decoded(character);
  return is_unseen(c) ? fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c)) : std::string(character);
}

std::string quote(std::string_view text, bool escapes_apostrophe) {
  std::string result = "\"";
  while (!text.empty()) {
    const bool is_ascii = static_cast<unsigned char>(text.front()) < 0x80;
    const std::size_t length = is_ascii ? 1 : length_of_character(text);
    result += is_ascii      ? escaped_byte(text.front(), escapes_apostrophe)
              : length == 0 ? fmt::format("\\x{:02X}", static_cast<unsigned char>(text.front()))
                            : escaped_character(text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result + '"';
}

}  // namespace

std::string quote_word(std::string_view word) {
  return quote(word, false);
}

std::string quote_path(std::string_view path) {
  return quote(path, true);
}

}  // namespace mdevadm
