// Observation of a host that cannot be read completely.
#pragma once

#include <mdevadm/host/host.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Like Host::observe(), but parents and devices that cannot be read are missing; `unread` receives the
// reasons. Only for listings: what is missing can exist.
Snapshot observe_readable(const sys::Dir& root, const Scope& scope, std::vector<std::string>& unread);

}  // namespace mdevadm
