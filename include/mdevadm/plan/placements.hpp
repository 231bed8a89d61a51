// Placements: the part of a GPU's framebuffer that a vGPU gets. The driver gives a new vGPU the first free
// one that its type can have; afterwards it can be moved by the attribute placement_id, while it is not open
// (NVIDIA's open kernel modules, kernel_vgpu_mgr.c). A definition that sets the attribute fixes its
// placement. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/drift.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/plan.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// Returns whether a definition sets the attribute placement_id.
bool has_fixed_placement(const Definition& definition);

// Returns how to apply the placement of an active device's definition, if `differences` includes it and
// another active device has it: a move is refused then. Otherwise empty. Needs the attributes that
// definitions set (observe_settings_of()).
std::string advice_on_placement(const Snapshot& seen, const Definitions& defined,
                                const Definition& definition, const std::vector<DriftedSetting>& differences);

// Returns the action that keeps a new vGPU outside the placements that definitions of other devices on the
// same GPU have fixed, unless these devices are active; nullopt if there are none, or if the definition fixes
// its own placement. vGPUs of GPU instances (MIG) are ignored: their placements are those of the instance.
// Needs Facet::type_name of the parent.
std::optional<AvoidPlacements> placements_to_avoid(const Snapshot& seen, const Definitions& defined,
                                                   const Definition& wanted, const Device& device);

// Throws Error{usage} if a definition sets a placement, or another attribute that NVIDIA's driver has in the
// directory nvidia, without that directory: a start would fail.
void require_nvidia_directory(const Snapshot& seen, const Definition& wanted, const std::string& doing);

}  // namespace mdevadm
