#include "device_rows.hpp"

#include <compare>
#include <tuple>

namespace mdevadm::cli {

std::vector<render::DeviceRow> device_rows(const Snapshot& seen, const Definitions& defined,
                                           const Groups& groups, const BootEvents& boot,
                                           const store::Store& store) {
  std::vector<render::DeviceRow> rows;
  auto device = seen.devices.begin();
  auto definition = defined.all.begin();
  // Both are sorted by parent, then UUID.
  while (device != seen.devices.end() || definition != defined.all.end()) {
    const auto order = device == seen.devices.end()      ? std::strong_ordering::greater
                       : definition == defined.all.end() ? std::strong_ordering::less
                                                         : std::tie(device->parent, device->uuid) <=>
                                                               std::tie(definition->parent, definition->uuid);
    render::DeviceRow& row = rows.emplace_back();
    row.unseen_processes = seen.unseen_processes;
    if (order <= 0) {
      row.device = &*device++;
    }
    if (order >= 0) {
      row.file = store.path_of(*definition);
      row.group = groups.of(*definition);
      row.automatic = definition->start == StartMode::automatic ||
                      (row.group != nullptr && row.group->start == StartMode::automatic);
      row.boot = row.automatic ? boot.find(definition->uuid, definition->parent) : nullptr;
      row.parent_here = seen.find_parent(definition->parent.str()) != nullptr;
      row.definition = &*definition++;
    }
  }
  return rows;
}

}  // namespace mdevadm::cli
