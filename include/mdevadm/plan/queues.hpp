// Which queues a vfio-ap device can have: the host, active devices and other definitions have some of them.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Facets that the functions below need.
constexpr Facet queue_facets = Facet::queues | Facet::ap_bus;

// Throws Error{conflict} if a queue of the definition is reserved for the host, or belongs to an active
// device or to one of `planned`, which are about to be started; Error{failed} if the machine has no adapter
// or domain with such a number. Does nothing for devices without queues and if the bus was not read.
// `defined` supplies names; nullptr: none. Returns warnings about adapters and domains that do not exist.
std::vector<std::string> require_free_queues(const Snapshot& seen, const Definitions* defined,
                                             const std::vector<Definition>& planned, const Definition& wanted,
                                             const std::string& doing);

// Throws Error{conflict} if another definition has one of the queues and both are started automatically.
// Returns warnings about queues of definitions that cannot be active together, and about those of the host.
std::vector<std::string> check_defined_queues(const Snapshot& seen, const Definitions& defined,
                                              const Definition& wanted, const std::string& doing);

}  // namespace mdevadm
