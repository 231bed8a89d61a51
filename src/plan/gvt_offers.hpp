// Why a GPU with i915 GVT-g does not offer one of the driver's types. Internal header.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/explain.hpp>
#include <optional>
#include <string_view>

namespace mdevadm {

// Returns the finding for a type of GVT-g, with or without the prefix of the driver, for which the aperture
// of the GPU is too small. nullopt for every other type.
std::optional<Finding> too_large_for_aperture(const Parent& parent, std::string_view type);

}  // namespace mdevadm
