// Whether the parent of a definition still is what the definition records, and has its type. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/explain.hpp>
#include <optional>
#include <string>

namespace mdevadm {

// Returns why a start of an inactive definition would be refused because of its type: the parent does not
// have it, the MIG mode of the GPU excludes it, or its guest ABI differs (the migration version is not
// compared: only the driver can check it). `knows_types`: all types of the parent are known. Needs
// abi_facets, Facet::available and, if the definition has an ABI, the devices of the parent.
std::optional<Finding> doubt_of_type(const Snapshot& seen, const Parent& parent, const Definition& definition,
                                     bool knows_types);

// Returns the finding about a definition whose parent does not exist. If another parent has the recorded PCI
// ID, names that. Needs Facet::parent_identity.
Finding missing_parent(const Snapshot& seen, const Definition& definition, const Groups& groups);

}  // namespace mdevadm
