// Reads the active devices of a host.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <vector>

#include "parts.hpp"

namespace mdevadm {

// Returns all devices, or those requested by `scope`, sorted by parent, then UUID. Devices that vanish during
// the read are omitted. Snapshot::nameless receives the other entries of the bus with Scope::bus_only,
// Snapshot::functions the VFs. Throws Error if a directory cannot be read, unless that is noted in `parts`.
std::vector<Device> read_devices(const sys::Dir& root, const Scope& scope, Snapshot& seen,
                                 const Parts& parts);

// Returns whether these devices are all that `scope` asks for, so that no others need to be searched.
bool has_all(const Scope& scope, const std::vector<Device>& devices);

// Returns the devices whose removal is pending, all or those requested by `scope`, sorted by parent, then
// UUID. `devices` are those on the bus, as read_devices() returns them. Reads one directory per parent.
std::vector<Device> read_removing(const sys::Dir& root, const Scope& scope,
                                  const std::vector<Device>& devices, const Parts& parts);

// Returns the devices sorted by parent, then UUID.
std::vector<Device> sorted(std::vector<Device> devices);

// Adds what runtime records say of the devices.
void add_records(const Records& known, std::vector<Device>& devices);

}  // namespace mdevadm
