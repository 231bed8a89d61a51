// Typed properties, parsed from the description of a type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mdevadm {

struct Bytes {
  std::uint64_t count;
  auto operator<=>(const Bytes&) const = default;
};

struct Resolution {
  std::uint32_t width;
  std::uint32_t height;
  auto operator<=>(const Resolution&) const = default;
};

using PropertyValue = std::variant<std::uint64_t, Bytes, Resolution, std::string>;

struct Property {
  std::string name;  // as spelled by the driver, with underscores for blanks: framebuffer, memory_size
  PropertyValue value;
  std::string text;  // the value as written by the driver: 512M
  bool operator==(const Property&) const = default;
};

// Returns the name of a property as it is stored: blanks become one underscore, because Ascend's driver
// writes "memory size: 12GB".
std::string property_key(std::string_view words);

// Parses a number, a size ("512M", "128MB", "64 MB", "2G": powers of 1024) or a resolution ("2560x1600");
// returns the text unchanged if it is none of these.
PropertyValue parse_property_value(std::string_view text);

// Returns whether the property is an amount of device memory: NVIDIA's framebuffer, the two parts of i915
// GVT-g's, the video memory of the sample drivers, the memory size of Ascend's NPUs.
bool is_memory(const Property& property);

// Returns the graphics memory of a type in bytes, the sum of these properties; nullopt if there are none.
std::optional<std::uint64_t> memory_of(const std::vector<Property>& properties);

// Returns a number of bytes in the largest unit without a fraction: "512M", "4G".
std::string size_text(std::uint64_t bytes);

// Parses the properties in a type's `description`. Supported formats: NVIDIA's single line of comma-separated
// `key=value` pairs, lines of `key: value` (i915 GVT-g, Ascend), and the phrases of the kernel's sample
// drivers
// ("virtual display, 16 MB video memory"). Returns an empty list for any other text.
std::vector<Property> parse_properties(std::string_view description);

}  // namespace mdevadm
