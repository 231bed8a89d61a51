// Devices and definitions side by side, as list and show print them.
#pragma once

#include <functional>
#include <mdevadm/render/columns.hpp>
#include <vector>

#include "context.hpp"

namespace mdevadm::cli {

// One row a (device, parent): live ones with their definition under the same parent, definitions without a
// live device by themselves. Sorted by parent, then UUID. What it is given must outlive the rows.
std::vector<render::DeviceRow> device_rows(const Snapshot& seen, const Definitions& defined,
                                           const Groups& groups, const BootEvents& boot,
                                           const store::Store& store);

}  // namespace mdevadm::cli
