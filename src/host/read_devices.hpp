// Reads the active devices of a host.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <vector>

namespace mdevadm {

// Returns all devices, or those requested by `look`, sorted by parent, then UUID. Devices that vanish during
// the read are omitted. `nameless` receives the other entries of the bus with Look::bus_only. Throws Error if
// the bus cannot be read.
std::vector<Device> read_devices(const sys::Dir& root, const Look& look, std::vector<std::string>& nameless);

}  // namespace mdevadm
