// Identifiers of mediated devices.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mdevadm {

// Any 8-4-4-4-12 hexadecimal digits: the kernel's mdev core takes every one, also those of no RFC (Proxmox
// derives them from VM numbers). Case does not matter on the way in; the way out is lower case, as the kernel
// names its directories.
class Uuid {
 public:
  static std::optional<Uuid> parse(std::string_view text);
  // Likewise, and in the other forms in which UUIDs are written: without hyphens, in braces, behind
  // "urn:uuid:".
  static std::optional<Uuid> parse_any(std::string_view text);
  // A version 4 UUID from the system's random source.
  static Uuid random();
  // The version 5 UUID that stands for a name: the same one every time.
  static Uuid of_name(std::string_view name);

  std::string str() const;

  auto operator<=>(const Uuid&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace mdevadm
