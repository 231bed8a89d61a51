// What a parent offers, for errors about a type that it does not offer. Pure functions.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/util/error.hpp>
#include <string>

namespace mdevadm {

// Returns the ID of a type, and the vendor's name if it has another one: "1147 (NVIDIA L40S-1Q)".
std::string with_name(const Type& type);

// Returns the error for a type that the parent does not offer, with the types that it does. Distinguishes
// unknown types (not_found) from types of another framebuffer size than the one in use and from types for
// which the GPU has no room (no_capacity), as far as NVIDIA's table of vGPU types or the names show. Needs
// Facet::type_name.
Error not_offered(const Snapshot& seen, const Parent& parent, const TypeName& type, const std::string& doing);

// Returns "available types: nvidia-17 (GRID M60-4Q), …".
std::string offered_types(const Parent& parent);

// Returns the hint on how a GPU can carry vGPUs of several framebuffer sizes.
std::string mixed_size_advice(const std::string& gpu);

}  // namespace mdevadm
