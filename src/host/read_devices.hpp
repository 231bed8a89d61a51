// The live devices of a host.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <vector>

namespace mdevadm {

// All devices, or those that `look` names, with what it asks for, by parent, then UUID. Those that vanish
// meanwhile are left out. `nameless`: what else the bus lists, where that is not looked into. Throws Error if
// the bus cannot be read.
std::vector<Device> read_devices(const sys::Dir& root, const Look& look, std::vector<std::string>& nameless);

}  // namespace mdevadm
