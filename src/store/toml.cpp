#include "toml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <mdevadm/util/text.hpp>

namespace mdevadm::store {

namespace {

constexpr std::string_view utf8_mark = "\xef\xbb\xbf";

// The parser's message "Error while parsing RULE: DETAIL". Versions 3.3 and 3.4 have the same messages; what
// is not recognized is reported in the words of the parser.
struct Complaint {
  std::string_view rule;  // empty if the message has another form
  std::string_view detail;
};

Complaint complaint_of(const toml::parse_error& error) {
  constexpr std::string_view begin = "Error while parsing ";
  std::string_view message = error.description();
  const std::size_t colon = message.find(": ");
  if (!message.starts_with(begin) || colon == std::string_view::npos) {
    return {{}, message};
  }
  return {message.substr(begin.size(), colon - begin.size()), message.substr(colon + 2)};
}

// Returns where a position is in the text. Columns count characters.
std::size_t offset_of(std::string_view text, const toml::source_position& place) {
  std::size_t at = text.starts_with(utf8_mark) ? utf8_mark.size() : 0;
  for (toml::source_index line = 1; line < place.line && at < text.size(); ++line) {
    at = std::min(text.find('\n', at), text.size() - 1) + 1;
  }
  for (toml::source_index column = 1; column < place.column && at < text.size(); ++column) {
    do {
      ++at;
    } while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80);
  }
  return at;
}

// Returns the unquoted value in which the parser stopped.
std::string_view word_at(std::string_view text, std::size_t at) {
  constexpr std::string_view ends = " \t\r\n,=[]{}#\"'";
  const std::size_t before = at == 0 ? std::string_view::npos : text.find_last_of(ends, at - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  return text.substr(begin, text.find_first_of(ends, begin) - begin);
}

bool reads_value(const Complaint& complaint) {
  const std::string_view rule = complaint.rule;
  return rule == "value" || rule == "boolean" || rule == "floating-point" || rule.ends_with("integer") ||
         rule.starts_with("date") || rule.starts_with("time");
}

// Returns an empty text if there is no such word.
std::string invalid_value(const Complaint& complaint, std::string_view word) {
  if (word.empty() || complaint.detail.find("control character") != std::string_view::npos) {
    return {};
  }
  if (complaint.detail.ends_with("is not representable in 64 bits") ||
      complaint.detail.ends_with("could not be interpreted as a value")) {
    return fmt::format("number '{}' too large", printable(word));
  }
  return fmt::format("invalid value '{}' ({}text must be in quotes)", printable(word),
                     complaint.detail.starts_with("leading zero") ? "numbers have no leading zeros, " : "");
}

bool ends_early(const Complaint& complaint, std::string_view after) {
  return complaint.detail == "encountered end-of-file" || after.starts_with('\n') ||
         after.starts_with("\r\n");
}

struct Wording {
  std::string_view rule;    // empty: any
  std::string_view detail;  // how the detail begins
  const char* text;         // of the message; {0}: what the parser saw, {1}: the key that the detail names
};

// The first line that fits is used.
constexpr auto wordings = std::to_array<Wording>({
    {"key-value pair", "expected value", "value missing after '='"},
    {"key-value pair", "encountered end-of-file", "value missing (expected KEY = VALUE)"},
    {"key-value pair", "expected '=', saw '\\n", "value missing (expected KEY = VALUE)"},
    {"key-value pair", "expected '='", "'=' expected after the key, not {0}"},
    {"key-value pair", "expected a comment or whitespace", "the line does not end after the value: {0}"},
    {"key-value pair", "cannot redefine existing", "duplicate key '{1}'"},
    {"table header", "cannot redefine existing table", "duplicate table '{1}'"},
    {"table header", "cannot redefine existing", "duplicate key '{1}'"},
    {"table header", "expected ']'", "']' missing after the name of the table"},
    {"table header", "encountered end-of-file", "']' missing after the name of the table"},
    {"table header", "expected a comment or whitespace",
     "the line does not end after the name of the table: {0}"},
    {"table header", "tables with blank bare keys", "name of the table missing"},
    {"array", "expected comma or closing ']'", "',' or ']' expected after a value of the list, not {0}"},
    {"array", "encountered end-of-file", "']' missing after the list"},
    {"array", "expected value or closing ']'", "value of the list expected before ','"},
    {"inline table", "expected key or closing '}', saw '\\n", "'}}' missing in the line of '{{'"},
    {"inline table", "encountered end-of-file", "'}}' missing in the line of '{{'"},
    {"inline table", "expected key-value pair", "key expected after ',', not '}}'"},
    {"root table", "expected keys, tables", "key or '[' expected at the beginning of the line, not {0}"},
    {"key", "expected bare key starting character", "key expected (letters, digits, '_' and '-'), not {0}"},
    {"unicode scalar sequence", "",
     "invalid escape sequence (in double quotes, a backslash is written as two)"},
    {"value", "could not determine value type", "value expected"},
    {"", "encountered end-of-file", "unexpected end of the file"},
    {"", "Encountered invalid utf-8", "not valid UTF-8"},
});

// Returns the text in the detail that is in single quotes.
std::string_view quoted_in(std::string_view detail) {
  const std::size_t begin = detail.find('\'');
  const std::size_t end = begin == std::string_view::npos ? begin : detail.find('\'', begin + 1);
  return end == std::string_view::npos ? std::string_view{} : detail.substr(begin + 1, end - begin - 1);
}

// Returns an empty text if the parser's words are used.
std::string in_own_words(const Complaint& complaint) {
  const auto* wording = std::find_if(wordings.begin(), wordings.end(), [&](const Wording& one) {
    return (one.rule.empty() || one.rule == complaint.rule) && complaint.detail.starts_with(one.detail);
  });
  if (wording == wordings.end()) {
    return {};
  }
  constexpr std::string_view mark = ", saw ";
  const std::size_t saw = complaint.detail.rfind(mark);
  const std::string seen = saw == std::string_view::npos
                               ? std::string("the end of the file")
                               : printable(complaint.detail.substr(saw + mark.size()));
  return fmt::format(fmt::runtime(wording->text), seen, printable(quoted_in(complaint.detail)));
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

toml::source_position place_of(const toml::parse_error& error, std::string_view text) {
  if (to_lower(error.description()).find("utf-8") == std::string::npos) {
    return error.source().begin;
  }
  text.remove_prefix(text.starts_with(utf8_mark) ? utf8_mark.size() : 0);
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

std::string syntax_problem(const toml::parse_error& error, std::string_view text) {
  const Complaint complaint = complaint_of(error);
  const std::string_view after = text.substr(offset_of(text, place_of(error, text)));
  std::string reason;
  if (reads_value(complaint)) {
    reason = invalid_value(complaint, word_at(text, text.size() - after.size()));
  } else if (complaint.rule.ends_with("string") && ends_early(complaint, after)) {
    reason = "closing quotation mark missing";
  } else {
    reason = in_own_words(complaint);
  }
  return fmt::format("invalid TOML: {}", reason.empty() ? printable(complaint.detail) : reason);
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
