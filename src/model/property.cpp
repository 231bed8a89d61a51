#include <mdevadm/model/property.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

std::string_view take_digits(std::string_view& text) {
  const std::size_t length = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

std::optional<unsigned> shift_of(std::string_view unit) {
  const std::string name = to_lower(unit);
  constexpr std::string_view prefixes = "kmgt";
  const std::size_t at = name.empty() ? std::string_view::npos : prefixes.find(name[0]);
  const std::string_view rest = name.empty() ? std::string_view{} : std::string_view(name).substr(1);
  if (at == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "ib")) {
    return std::nullopt;
  }
  return static_cast<unsigned>(10 * (at + 1));
}

std::optional<Bytes> parse_size(std::string_view text) {
  const auto number = parse_decimal(take_digits(text));
  const auto shift = shift_of(trim(text));
  if (!number || !shift || *number > std::numeric_limits<std::uint64_t>::max() >> *shift) {
    return std::nullopt;
  }
  return Bytes{*number << *shift};
}

std::optional<Resolution> parse_resolution(std::string_view text) {
  const auto width = parse_decimal(take_digits(text));
  if (!width || text.empty() || (text[0] != 'x' && text[0] != 'X')) {
    return std::nullopt;
  }
  const auto height = parse_decimal(text.substr(1));
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
  if (!height || *width > most || *height > most) {
    return std::nullopt;
  }
  return Resolution{static_cast<std::uint32_t>(*width), static_cast<std::uint32_t>(*height)};
}

bool is_key(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// Parses "key=value" or "key: value".
std::optional<Property> parse_pair(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  std::string key = property_key(text.substr(0, at));
  const std::string_view value = trim(text.substr(at + 1));
  if (!is_key(key) || value.empty()) {
    return std::nullopt;
  }
  return Property{std::move(key), parse_property_value(value), std::string(value)};
}

// Parses all parts as pairs, or returns an empty list: a partial result would hide the rest of the
// description.
std::vector<Property> parse_pairs(std::string_view text, char between, char separator) {
  std::vector<Property> result;
  for (const std::string_view part : split(text, between)) {
    if (trim(part).empty()) {
      continue;
    }
    std::optional<Property> pair = parse_pair(part, separator);
    if (!pair) {
      return {};
    }
    result.push_back(*std::move(pair));
  }
  return result;
}

// Parses the phrases of the sample drivers: "16 MB video memory" -> video_memory, "640x480 framebuffer" ->
// resolution.
std::optional<Property> parse_phrase(std::string_view phrase) {
  const std::size_t first_blank = phrase.find(' ');
  if (first_blank == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view head = phrase.substr(0, first_blank);
  if (const auto resolution = parse_resolution(head)) {
    return Property{"resolution", *resolution, std::string(head)};
  }
  const std::size_t second_blank = std::min(phrase.find(' ', first_blank + 1), phrase.size());
  const std::string_view quantity = phrase.substr(0, second_blank);
  const std::string key = property_key(to_lower(phrase.substr(second_blank)));
  const auto size = parse_size(quantity);
  if (!size || !is_key(key)) {
    return std::nullopt;
  }
  return Property{key, *size, std::string(quantity)};
}

std::vector<Property> parse_sentence(std::string_view text) {
  std::vector<Property> result;
  for (const std::string_view part : split(text, ',')) {
    if (std::optional<Property> property = parse_phrase(trim(part))) {
      result.push_back(*std::move(property));
    }
  }
  return result;
}

}  // namespace

std::string property_key(std::string_view words) {
  std::string key;
  for (const char c : trim(words)) {
    if (c != ' ' && c != '\t') {
      key += c;
    } else if (!key.ends_with('_')) {
      key += '_';
    }
  }
  return key;
}

PropertyValue parse_property_value(std::string_view text) {
  if (const auto number = parse_decimal(text)) {
    return *number;
  }
  if (const auto resolution = parse_resolution(text)) {
    return *resolution;
  }
  if (const auto size = parse_size(text)) {
    return *size;
  }
  return std::string(text);
}

bool is_memory(const Property& property) {
  constexpr std::array names{"framebuffer", "low_gm_size", "high_gm_size", "video_memory", "memory_size"};
  return std::holds_alternative<Bytes>(property.value) &&
         std::find(names.begin(), names.end(), property.name) != names.end();
}

std::optional<std::uint64_t> memory_of(const std::vector<Property>& properties) {
  std::optional<std::uint64_t> sum;
  for (const Property& property : properties) {
    if (is_memory(property)) {
      sum = sum.value_or(0) + std::get<Bytes>(property.value).count;
    }
  }
  return sum;
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array units{"", "K", "M", "G", "T"};
  std::size_t unit = 0;
  while (bytes > 0 && bytes % 1024 == 0 && unit + 1 < units.size()) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", bytes, units[unit]);
}

std::vector<Property> parse_properties(std::string_view description) {
  const std::string_view text = trim(description);
  if (std::vector<Property> lines = parse_pairs(text, '\n', ':'); !lines.empty()) {
    return lines;
  }
  if (std::vector<Property> pairs = parse_pairs(text, ',', '='); !pairs.empty()) {
    return pairs;
  }
  return parse_sentence(text);
}

}  // namespace mdevadm
