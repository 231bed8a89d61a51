// The host as the kernel and our own memory of it tell.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/run/executor.hpp>

namespace mdevadm {

// As Host::observe(), with what the store remembers of devices.
Snapshot look(const Effects& effects, Look what);

// Who uses these devices, with what their parents can do. All devices are looked at where some go offline
// together.
Snapshot look_at_users(const Effects& effects, const std::vector<Uuid>& devices,
                       const std::vector<ParentName>& parents);

}  // namespace mdevadm
