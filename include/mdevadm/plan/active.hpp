// What a start says about a device that is active already. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/identity.hpp>
#include <optional>
#include <string>

namespace mdevadm {

// Returns the note for a device that is active already, with the settings in which it differs from its
// definition; nullptr: it has none.
std::string note_of_active(const Device& active, const Definition* definition,
                           const std::optional<NodePolicy>& node, const Identity& about);

// Throws Error{conflict}, with the reason only, if an active device has other settings than requested for one
// without a definition. Settings that are not requested, and the node, which a virtual machine may own by
// now, can differ.
void require_as_requested(const Device& active, const Definition& requested, const Identity& about);

}  // namespace mdevadm
