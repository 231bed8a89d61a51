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
  // Returns the version 5 UUID of a name in a namespace.
  static Uuid of_name(const Uuid& space, std::string_view name);

  // 36 characters.
  std::string str() const;
  void append_to(std::string& text) const;

  // The order of the texts.
  auto operator<=>(const Uuid&) const = default;

 private:
  using Bytes = std::array<std::uint8_t, 16>;
  static Uuid of_bytes(const Bytes& bytes);
  Bytes bytes() const;

  // Two numbers instead of bytes: listings sort thousands.
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

}  // namespace mdevadm
