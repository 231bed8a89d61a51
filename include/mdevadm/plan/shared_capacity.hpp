// Check whether several devices fit together, from the parent's available instances and the known resources
// that its types share.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/capacity.hpp>
#include <string_view>
#include <vector>

namespace mdevadm {

// What is known of a GPU with virtual functions that has no device: by the setting of the driver, which the
// kernel does not report, its vGPUs must have the same framebuffer size, or may differ. Once it has devices,
// the types that it accepts show it.
enum class FramebufferSizes { equal, any };

// Returns the present capacity of a parent: available_instances of each type, and shared resources where
// these are known. Unknown limits are not modelled: the driver may still refuse a set that fits, but a set
// that does not fit cannot be created. Known are NVIDIA GPUs (types with a framebuffer; one size at a time
// unless `sizes` or the available types say otherwise; types of GPU instances are limited one by one),
// i915 GVT-g if the numbers match a known memory size, and the kernel's sample drivers. Types that the driver
// does not list, but may accept (Type::hidden), are included. Needs Facet::available and Facet::description
// of the parent, and its devices.
plan::Capacity capacity_of(const Parent& parent, const std::vector<Device>& devices,
                           FramebufferSizes sizes = FramebufferSizes::any);

}  // namespace mdevadm
