// Combines devices and definitions into the rows of list and show.
#pragma once

#include <functional>
#include <mdevadm/render/columns.hpp>
#include <vector>

#include "context.hpp"

namespace mdevadm::cli {

// Returns one row per device and parent: active devices, and those whose removal is pending, with their
// definition under the same parent, and definitions of inactive devices. Sorted by parent, then UUID. The
// state is complete only with Context::observe_settings(). The rows refer to the arguments, which must
// outlive them.
std::vector<render::DeviceRow> device_rows(const Snapshot& seen, const Definitions& defined,
                                           const Groups& groups, const BootEvents& boot,
                                           const store::Store& store);

// Returns the row of a group with the number of its active members. `group` must outlive the row.
render::GroupRow group_row(const Group& group, const Snapshot& seen, const store::Store& store);

}  // namespace mdevadm::cli
