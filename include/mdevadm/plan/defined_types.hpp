// Whether the parent of a definition still is what the definition records, and has its type. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
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

// Returns where a device is that has the PCI ID recorded for the parent of a definition: "; 0000:42:00.0 has
// the recorded PCI ID 10de:26b9". A new card can change the addresses of others. Empty if no parent has it.
// Needs Facet::parent_identity.
std::string where_it_is(const Snapshot& seen, const Definition& definition);

}  // namespace mdevadm
