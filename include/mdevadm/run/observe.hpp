// State of host and store combined: sysfs with mdevadm's runtime records, definitions with the GPUs of their
// virtual functions.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/run/executor.hpp>

namespace mdevadm {

// Like Store::load(), but a definition in the directory of a virtual function (VF), as mdevctl writes it,
// has its GPU as parent if the VF is present.
Definitions load_definitions(const Effects& effects, const std::optional<ParentName>& parent = std::nullopt);
// Gives the definitions in directories of VFs that are present their GPUs as parents.
void place_on_gpus(const Host& host, std::vector<Definition>& definitions);

// Like Host::observe(), with the runtime records from the store.
Snapshot observe_host(const Effects& effects, Scope what);

// Reads the processes that use these devices, and the capabilities of the parents. Reads all devices if the
// interface switches several offline together.
Snapshot observe_users(const Effects& effects, const std::vector<Uuid>& devices,
                       const std::vector<ParentName>& parents);

// Reads the attributes of active devices that their definitions set, for drift_of().
void observe_attributes(const Effects& effects, Snapshot& seen, const std::vector<Definition>& defined);

}  // namespace mdevadm
