// How an active device gets the settings of its definition. Pure functions.
#pragma once

#include <mdevadm/model/drift.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/identity.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// Returns the command that applies the definition to an active device with these differences.
std::string advice_on_differences(const Identity& about, const std::vector<DriftedSetting>& differences);

// Returns the note for a definition that changes while its device is active, with the command that applies
// the change; nullopt if the device is as the definition says then. Settings of the device that `seen` lacks
// count as different.
std::optional<std::string> note_on_active(const Snapshot& seen, const Device& device,
                                          const Definition& before, const Definition& after,
                                          const Identity& about);

// Returns the finding for an active device without a definition.
Finding undefined_device(const Device& device, const Definitions& defined);

}  // namespace mdevadm
