#include <mdevadm/util/quote.hpp>

#include <fmt/format.h>

#include <algorithm>

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

// Of the character at the start, if it is one.
std::size_t length_of_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return is_utf8(text.substr(0, length)) ? length : 0;
}

std::string quote(std::string_view text, bool escapes_apostrophe) {
  std::string result = "\"";
  while (!text.empty()) {
    const bool is_ascii = static_cast<unsigned char>(text.front()) < 0x80;
    const std::size_t length = is_ascii ? 1 : length_of_character(text);
    result += is_ascii      ? escaped_byte(text.front(), escapes_apostrophe)
              : length == 0 ? fmt::format("\\x{:02X}", static_cast<unsigned char>(text.front()))
                            : std::string(text.substr(0, length));
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
