// Whether several devices fit together: what a parent was seen to have left, with what is known of the
// resources that its types share.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/capacity.hpp>
#include <string_view>
#include <vector>

namespace mdevadm {

// What is left on a parent now: each type by itself, as its
// available_instances says, and what types share where that is known. What cannot be known is not counted, so
// a set that fits here may still be refused by the driver; one that does not, cannot be made. Known are:
// NVIDIA's GPUs (types with a framebuffer: one size at a time), i915 GVT-g, where the numbers are those of a
// known size of its memory, and the kernel's samples. Needs Facet::available and Facet::description of the
// parent, and the devices on it.
plan::Capacity room_on(const Parent& parent, const std::vector<Device>& devices);

}  // namespace mdevadm
