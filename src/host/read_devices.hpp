// The live devices of a host.
#pragma once

#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <optional>
#include <vector>

namespace mdevadm {

// All devices, or `only` these, with what `facets` asks for, by parent, then UUID. Those that vanish
// meanwhile are left out. Throws Error if the bus cannot be read.
std::vector<Device> read_devices(const sys::Dir& root, const std::optional<std::vector<Uuid>>& only,
                                 Facet facets);

}  // namespace mdevadm
