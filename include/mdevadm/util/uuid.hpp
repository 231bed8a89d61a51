// UUIDs, which identify mediated devices.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mdevadm {

// 8-4-4-4-12 hexadecimal digits in any combination: the mdev core of the kernel accepts all of them,
// including those that no RFC allows (Proxmox derives them from VM numbers). Input is case-insensitive;
// output is lower case, like the kernel's directory names.
class Uuid {
 public:
  static std::optional<Uuid> parse(std::string_view text);
  // Like parse(), but also accepts other notations: without hyphens, in braces, with the prefix "urn:uuid:".
  static std::optional<Uuid> parse_any(std::string_view text);
  // Returns a version 4 UUID from the system's random source.
  static Uuid random();
  // Returns the version 5 UUID of a name: the same name always gives the same UUID.
  static Uuid of_name(std::string_view name);

  std::string str() const;

  auto operator<=>(const Uuid&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace mdevadm
