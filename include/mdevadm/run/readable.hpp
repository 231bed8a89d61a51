// State of host and store combined, of a host that cannot be read completely.
#pragma once

#include <mdevadm/run/observe.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Like observe_host(), but as observe_readable() (host/readable.hpp). `root` is that of the host.
Snapshot observe_readable_host(const Effects& effects, const sys::Dir& root, Scope what,
                               std::vector<std::string>& unread);

}  // namespace mdevadm
