// State of host and store combined: sysfs with mdevadm's runtime records, definitions with the GPUs of their
// virtual functions.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/run/executor.hpp>
#include <mdevadm/util/compact.hpp>

namespace mdevadm {

// Like Store::load(), but a definition in the directory of a virtual function (VF), as mdevctl writes it,
// has its GPU as parent if the VF is present.
Definitions load_definitions(const Effects& effects, const std::optional<ParentName>& parent = std::nullopt);
// The same of these devices only, without reading the files of others.
Definitions load_definitions_of(const Effects& effects, const std::vector<Uuid>& devices);
// Gives the definitions in directories of VFs that are present their GPUs as parents.
void place_on_gpus(const Host& host, std::vector<Definition>& definitions);

// Like Host::observe(), with the runtime records from the store and, with Facet::claims, the claims that are
// valid.
Snapshot observe_host(const Effects& effects, Scope what);

// Like observe_host(), but reads these devices, and the parents of their definitions, at a cost that does not
// depend on the number of others. Finds no pending removals and no devices on other parents than defined.
Snapshot observe_defined(const Effects& effects, const std::vector<Uuid>& devices, const Definitions& defined,
                         Facet facets);

// Returns the claims of these devices that are valid: not those of earlier devices with the same UUID.
Claims valid_claims(const Effects& effects, const Snapshot& seen);

// Reads the processes that use these devices, and the capabilities of the parents. Reads all devices if the
// interface switches several offline together.
Snapshot observe_users(const Effects& effects, const std::vector<Uuid>& devices,
                       const std::vector<ParentName>& parents);

// A definition, and the policy for the VFIO nodes of its device (node_policy_of()).
struct Compared {
  const Definition* definition;
  Boxed<NodePolicy> node{};
};

// Reads of active devices what drift_of() compares and observe_host() does not read: the attributes that
// their definitions set, the IDs of accounts in policies for nodes, and SELinux labels.
void observe_settings_of(const Effects& effects, Snapshot& seen, const std::vector<Compared>& wanted);

}  // namespace mdevadm
