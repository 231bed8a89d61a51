// Masks of the AP bus (ap_bus.c): 256 bits for adapters or domains, of which bit 0 is the leftmost.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace mdevadm::sim {

inline constexpr unsigned ap_numbers = 256;

using ApNumbers = std::set<unsigned>;

ApNumbers all_ap_numbers();

// Returns "0x" and 64 digits.
std::string to_mask(const ApNumbers& numbers);

// Reads hexadecimal digits as the kernel does (ap_hex2bitmap): an optional 0x, digits that are missing on the
// right are 0, an empty text is 0. Returns nullopt for EINVAL.
std::optional<ApNumbers> from_mask(std::string_view text);

// Reads a write to apmask or aqmask (ap_parse_mask_str): a mask, or changes of the present one such as
// "+5,-8-10". Returns nullopt for EINVAL.
std::optional<ApNumbers> changed_mask(const ApNumbers& now, std::string_view text);

}  // namespace mdevadm::sim
