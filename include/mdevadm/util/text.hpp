// Small text helpers. Pure, locale-free.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Without blanks, tabs and line ends on either side.
std::string_view trim(std::string_view text);

// The fields between separators, empty ones included; an empty text has one empty field.
std::vector<std::string_view> split(std::string_view text, char separator);

std::string join(std::span<const std::string> parts, std::string_view separator);

std::string to_lower(std::string_view text);

// Fit for a message: control bytes and broken UTF-8 become \xNN, so that no name can garble a terminal or a
// log.
std::string printable(std::string_view text);

// Whether it is UTF-8 from end to end.
bool is_utf8(std::string_view text);

bool has_control_bytes(std::string_view text);

// The whole text as a decimal number without sign; nothing else passes.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

// The candidate that a person most likely meant by `word` (same but for case, or few edits away), if any.
std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates);

// "did you mean 'x'?" for the closest candidate, or empty.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

// Order for people: runs of digits compare as numbers, so nvidia-36 comes before nvidia-155.
bool natural_less(const std::string& a, const std::string& b);

}  // namespace mdevadm
