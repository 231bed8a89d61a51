// The host as the kernel and our own memory of it tell.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/run/executor.hpp>

namespace mdevadm {

// As Host::observe(), with what the store remembers of devices.
Snapshot look(const Effects& effects, Look what);

}  // namespace mdevadm
