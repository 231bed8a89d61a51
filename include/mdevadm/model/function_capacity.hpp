// How many vGPUs a GPU still accepts on its virtual functions (VFs). Drivers report one number for each VF:
// whether one more device of a type is possible there.
#pragma once

#include <mdevadm/model/snapshot.hpp>

namespace mdevadm {

// Sets `available` of each type of a GPU, and `maximum` if it is not known, from its VFs (types that they
// have and that they accept) and from the sizes in the names of types. By the rules of NVIDIA's driver
// (kernel_vgpu_mgr.c in the open kernel modules) at most as many devices as VFs are free, and no more than
// the maximum less the devices that exist, can follow; beside devices of other sizes, no more than the free
// memory has room for. 0 and 1 are exact; more is an upper limit, since sizes may be mixed and GPU instances
// (MIG) differ. Marks types as hidden that no VF lists, but the driver may accept (Type::hidden).
void limit_available(Parent& gpu);

// Leaves reserved VFs of a GPU (model/parent_settings.hpp) out of the available instances of its types.
void exclude_reserved(Parent& gpu, const std::vector<FunctionName>& reserved);

// Returns whether the available instances of a type are an upper limit.
bool is_available_limit(const Parent& parent, const Type& type);

// Returns whether the VFs show that time-sliced vGPUs of different framebuffer sizes can be active together
// (mixed sizes): VFs accept types of several sizes although one has a vGPU, or accept other types, but not
// one that is in use. false: sizes are equal, or the VFs do not show it.
bool shows_mixed_sizes(const std::vector<Function>& functions);

}  // namespace mdevadm
