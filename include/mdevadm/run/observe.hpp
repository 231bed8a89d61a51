// Host state from sysfs combined with mdevadm's runtime records.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/run/executor.hpp>

namespace mdevadm {

// Like Host::observe(), with the runtime records from the store.
Snapshot observe_host(const Effects& effects, Scope what);

// Reads the processes that use these devices, and the capabilities of the parents. Reads all devices if the
// interface switches several offline together.
Snapshot observe_users(const Effects& effects, const std::vector<Uuid>& devices,
                       const std::vector<ParentName>& parents);

// Reads the attributes of active devices that their definitions set, for drift_of().
void observe_attributes(const Effects& effects, Snapshot& seen, const std::vector<Definition>& defined);

}  // namespace mdevadm
