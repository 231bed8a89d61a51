// Planning of restarts: a stop, and a start from the definition. Pure functions; throw Error if not possible.
#pragma once

#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/start.hpp>
#include <vector>

namespace mdevadm {

// Returns the state to expect after these devices were stopped. Which other types become available is only
// known to the driver: their number of available instances is unset, unless devices that remain exclude them
// by another framebuffer size. The vendor's name of a type that is not
// listed is that in the device's definition.
Snapshot after_stop(Snapshot seen, const std::vector<Uuid>& stopped, const Definitions& defined = {});

// Returns the definition to restart an active or inactive device from. Throws Error: conflict (a transient
// device, or defined under another parent only), not_found, conflict (several parents define it).
const Definition& definition_to_restart(const Found& found, const std::string& doing);

// Moves the start behind all stages of a stop, so that no device is started before all of a plan are stopped.
Job start_after_stop(Job start);

}  // namespace mdevadm
