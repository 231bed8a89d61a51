// What a type's description says about it, as typed values.
#pragma once

#include <cstdint>
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
  std::string name;  // as the driver spells it: framebuffer, low_gm_size
  PropertyValue value;
  std::string text;  // the value as the driver wrote it: 512M
  bool operator==(const Property&) const = default;
};

// A number, a size ("512M", "128MB", "64 MB", "2G": powers of 1024), a resolution ("2560x1600"), or the text
// as it is.
PropertyValue parse_property_value(std::string_view text);

// The properties in a type's `description`. Understood are: NVIDIA's one line of `key=value` pairs with
// commas, i915 GVT-g's lines of `key: value`, and the sentences of the kernel's sample drivers ("virtual
// display, 16 MB video memory"). What is none of these gives nothing; the description itself stays.
std::vector<Property> parse_properties(std::string_view description);

}  // namespace mdevadm
