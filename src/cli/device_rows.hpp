// Combines devices and definitions into the rows of list and show.
#pragma once

#include <cstdint>
#include <functional>
#include <mdevadm/render/columns.hpp>
#include <optional>
#include <vector>

#include "context.hpp"

namespace mdevadm::cli {

// Whether the rows need the vendor's names of types: searching them takes most of the time of long lists.
enum class TypeNames { needed, unused };

// Returns one row per device and parent: active devices, and those whose removal is pending, with their
// definition under the same parent, and definitions of inactive devices. Sorted by parent, then UUID. The
// state is complete only with Context::observe_settings(). The rows refer to the arguments, which must
// outlive them.
std::vector<render::DeviceRow> device_rows(const Snapshot& seen, const Definitions& defined,
                                           const Groups& groups, const BootEvents& boot,
                                           const store::Store& store, TypeNames names = TypeNames::needed);

// Returns the row of a group with the number of its active members. `group` must outlive the row.
render::GroupRow group_row(const Group& group, const Snapshot& seen, const store::Store& store);

// Returns the number of devices of a type, pending removals included; nothing if the type of any device on
// the parent is unknown.
std::optional<std::uint64_t> count_devices(const Snapshot& seen, const Parent& parent, const Type& type);

}  // namespace mdevadm::cli
