// Text helpers. Pure functions that do not depend on the locale.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Removes blanks, tabs and line ends at both ends.
std::string_view trim(std::string_view text);

// Returns the fields between separators, including empty ones; an empty text has one empty field.
std::vector<std::string_view> split(std::string_view text, char separator);

std::string join(std::span<const std::string> parts, std::string_view separator);

// Convert ASCII letters only.
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);

// Makes text safe for messages: replaces control characters, marks that reverse the direction of text, and
// invalid UTF-8 by \xNN, so that no name can garble a terminal or a log.
std::string printable(std::string_view text);

// Returns the text as one word of a shell command, quoted if necessary.
std::string shell_word(std::string_view word);

// Returns the text, or its beginning and "…" if it has more than `width` characters (at least 1).
std::string shortened(std::string_view text, std::size_t width);

// Replaces "…" and the lines of trees by ASCII characters of the same width.
std::string in_ascii(std::string_view text);

// Returns whether the whole text is valid UTF-8.
bool is_utf8(std::string_view text);

// Returns whether printable() would replace characters that are valid UTF-8.
bool has_control_bytes(std::string_view text);

// Parses the whole text as an unsigned decimal number; returns nullopt for anything else.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

// Returns whether the text contains a character that is special in shell patterns: *, ? or [.
bool is_pattern(std::string_view text);
// Returns whether the whole text matches a shell pattern (glob(7)).
bool matches_pattern(const std::string& text, const std::string& pattern);

// Returns the candidate closest to `word` (ignoring case, within one to three edits depending on the length
// of `word`; an exchange of two adjacent characters is one edit), if any.
std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates);

// Returns "did you mean 'x'?" for the closest candidate, or an empty string.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

// Returns the time in UTC according to RFC 3339: 2026-03-01T07:30:12.345Z.
std::string timestamp(std::chrono::system_clock::time_point time);

// Orders runs of digits by their numeric value, so that nvidia-36 comes before nvidia-155.
bool natural_less(const std::string& a, const std::string& b);

}  // namespace mdevadm
