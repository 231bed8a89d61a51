// What a parent offers, for errors about a type that it does not offer. Pure functions.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
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

// Returns why the MIG mode of a GPU excludes a type, given by the vendor's name, or by an ID of NVIDIA's
// table: "it is a type of GPU instances, and MIG mode is off". nullopt if it does not, or if the types that
// can be created and the active devices do not show the mode. Needs Facet::type_name and Facet::available,
// and the devices of the parent.
std::optional<Finding> excluded_by_mig(const Snapshot& seen, const Parent& parent, const std::string& type);

// Returns why a GPU has no available instances of a type, as far as names of types show it: its MIG mode, no
// GPU instance (MIG) for it, no free placement (mixed sizes), or another framebuffer size in use. nullopt if
// they do not, or if it has instances. Needs Facet::type_name and Facet::available, and the devices of the
// parent.
std::optional<Finding> why_unavailable(const Snapshot& seen, const Parent& parent, const Type& type);

// Returns that a type needs a GPU instance (MIG), and none of its size exists, or those that do have vGPUs of
// another size; nullopt otherwise, also if MIG mode is not known to be on. Needs the same.
std::optional<Finding> missing_instance(const Snapshot& seen, const Parent& parent, const Type& type);

// Returns whether instances of a type that has none may become available although no device is removed: the
// parent has no device, or the type needs a GPU instance (MIG), and further ones can be created.
bool may_become_available(const Snapshot& seen, const Parent& parent, const Type& type);

// Returns why a listed type has no available instances although its GPU has room: "another framebuffer size
// is in use on this GPU (2G, by device 'seat-1' (nvidia-558))". Empty if the sizes do not show that. Drivers
// report the types of other sizes with 0 available instances until the last device is removed. Needs
// Facet::type_name and Facet::available, and the devices of the parent.
std::string other_size_in_use(const Snapshot& seen, const Parent& parent, const Type& type);

// Returns whether a GPU without virtual functions, which never mixes framebuffer sizes, has devices of
// another size, also if it is full.
bool has_only_other_sizes(const Snapshot& seen, const Parent& parent, const Type& type);

// Returns the hint on how a GPU can have vGPUs of several framebuffer sizes.
std::string mixed_size_advice(const std::string& gpu);

// Returns the hint on how it has them after each boot.
std::string advice_to_mix_at_boot(const std::string& gpu);

// Returns the note for several framebuffer sizes on a GPU without vGPUs. Whether it mixes sizes is not
// visible before the first vGPU is active. `what`: the vGPUs, "1 of nvidia-1148 and 2 of nvidia-1155".
std::string unknown_mixing(const std::string& gpu, const std::string& what);

}  // namespace mdevadm
