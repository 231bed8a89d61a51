#include "gvt_offers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/plan/capacity.hpp>

namespace mdevadm {

namespace {

// Sizes that firmware offers, in MiB.
constexpr std::array<std::uint64_t, 5> apertures{128, 256, 512, 1024, 2048};

bool fits_aperture(std::string_view name, std::uint64_t aperture) {
  const auto types = plan::gvt_types_for(aperture);
  return std::any_of(types.begin(), types.end(), [&](const plan::GvtType& one) { return one.name == name; });
}

}  // namespace

std::optional<Finding> too_large_for_aperture(const Parent& parent, std::string_view type) {
  const std::string_view offered = parent.types.empty() ? std::string_view() : parent.types.front().id.str();
  const std::size_t driver = offered.find("-GVTg_");
  if (driver == std::string_view::npos) {
    return std::nullopt;
  }
  // "i915-GVTg_V5_4" has the prefix "i915-GVTg_V5_". Linux 6.1 and later reports "GVTg_V5_4" as its name.
  const std::string_view prefix = offered.substr(0, offered.rfind('_') + 1);
  const std::string_view name = prefix.substr(driver + 1);
  const bool has_driver = type.starts_with(prefix);
  if (!has_driver && !type.starts_with(name)) {
    return std::nullopt;
  }
  const std::string_view size = type.substr(has_driver ? prefix.size() : name.size());
  const auto* const needed = std::find_if(apertures.begin(), apertures.end(),
                                          [&](std::uint64_t one) { return fits_aperture(size, one); });
  if (needed == apertures.end() || parent.find_type(fmt::format("{}{}", prefix, size)) != nullptr) {
    return std::nullopt;
  }
  return Finding{
      "the aperture of the GPU is too small for it",
      {fmt::format("increase the aperture size in the firmware setup (BIOS) to {} MiB or more", *needed)}};
}

}  // namespace mdevadm
