#include "device_rows.hpp"

#include <algorithm>
#include <compare>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/sys/clock.hpp>
#include <tuple>

namespace mdevadm::cli {

namespace {

// Returns active devices and those whose removal is pending, sorted by parent, then UUID.
std::vector<const Device*> all_devices(const Snapshot& seen) {
  std::vector<const Device*> all;
  all.reserve(seen.devices.size() + seen.removing.size());
  std::transform(seen.devices.begin(), seen.devices.end(), std::back_inserter(all),
                 [](const Device& device) { return &device; });
  const auto middle = static_cast<std::ptrdiff_t>(all.size());
  std::transform(seen.removing.begin(), seen.removing.end(), std::back_inserter(all),
                 [](const Device& device) { return &device; });
  std::inplace_merge(all.begin(), all.begin() + middle, all.end(),
                     [](const Device* a, const Device* b) { return by_parent(*a, *b); });
  return all;
}

// Returns the vendor's name: from the parent, or as recorded in the definition; empty if it is not known.
std::string type_name_of(const render::DeviceRow& row, const Snapshot& seen) {
  const bool is_live = row.device != nullptr && row.device->type;
  if (!is_live && row.definition == nullptr) {
    return {};
  }
  const TypeName& type = is_live ? *row.device->type : row.definition->type;
  const Parent* parent = seen.find_parent(row.parent().str());
  const Type* found = parent != nullptr ? resolve_type(*parent, type.str()) : nullptr;
  if (found != nullptr && found->name) {
    return *found->name;
  }
  const bool is_recorded =
      row.definition != nullptr && row.definition->abi && same_type(type.str(), row.definition->type.str());
  const std::string* pin = is_recorded ? find_pin(*row.definition->abi, "name") : nullptr;
  return pin != nullptr ? *pin : std::string{};
}

}  // namespace

DeviceRows::DeviceRows(const Snapshot& seen, const Definitions& defined, const Groups& groups,
                       const BootEvents& boot, const store::Store& store, RowParts parts)
    : seen_(seen),
      defined_(defined),
      groups_(groups),
      boot_(boot),
      store_(store),
      parts_(parts),
      knows_names_(std::any_of(seen.parents.begin(), seen.parents.end(),
                               [](const Parent& parent) { return !parent.types.empty(); })),
      booted_(std::chrono::system_clock::now() - sys::since_boot()) {}

std::vector<DevicePair> DeviceRows::pairs() const {
  const std::vector<const Device*> devices = all_devices(seen_);
  std::vector<DevicePair> pairs;
  pairs.reserve(std::max(devices.size(), defined_.all.size()));
  auto device = devices.begin();
  auto definition = defined_.all.begin();
  // Both are sorted by parent, then UUID.
  while (device != devices.end() || definition != defined_.all.end()) {
    const auto order =
        device == devices.end() ? std::strong_ordering::greater
        : definition == defined_.all.end()
            ? std::strong_ordering::less
            : std::tie((*device)->parent, (*device)->uuid) <=> std::tie(definition->parent, definition->uuid);
    DevicePair& pair = pairs.emplace_back();
    if (order <= 0) {
      pair.device = *device++;
    }
    if (order >= 0) {
      pair.definition = &*definition++;
    }
  }
  return pairs;
}

render::DeviceRow DeviceRows::row(const DevicePair& pair) const {
  render::DeviceRow row{.device = pair.device, .definition = pair.definition};
  row.unseen_processes = seen_.unseen_processes;
  row.vague_users = seen_.vague_users;
  row.booted = booted_;
  if (row.device != nullptr) {
    row.claim = seen_.claims.find(row.device->uuid);
  }
  if (row.definition == nullptr && parts_.file) {
    const FileProblem* broken = broken_definition(defined_, row.device->uuid, row.device->parent);
    row.file = broken != nullptr ? broken->path : "";
  }
  if (const Definition* definition = row.definition) {
    row.file = parts_.file ? store_.path_of(*definition) : std::string{};
    row.group = groups_.of(*definition);
    row.automatic = definition->start == StartMode::automatic ||
                    (row.group != nullptr && row.group->start == StartMode::automatic);
    row.boot = row.automatic ? boot_.find(definition->uuid, definition->parent) : nullptr;
    row.parent_here = seen_.find_parent(definition->parent.str()) != nullptr;
    if (row.is_active()) {
      row.differences =
          differences_of(seen_, *row.device, *definition, node_policy_of(*definition, row.group));
    }
  }
  if (parts_.type_name && (knows_names_ || row.definition != nullptr)) {
    row.type_name = type_name_of(row, seen_);
  }
  return row;
}

std::vector<render::DeviceRow> device_rows(const Snapshot& seen, const Definitions& defined,
                                           const Groups& groups, const BootEvents& boot,
                                           const store::Store& store) {
  const DeviceRows all(seen, defined, groups, boot, store);
  const std::vector<DevicePair> pairs = all.pairs();
  std::vector<render::DeviceRow> rows;
  rows.reserve(pairs.size());
  std::transform(pairs.begin(), pairs.end(), std::back_inserter(rows),
                 [&](const DevicePair& pair) { return all.row(pair); });
  return rows;
}

render::GroupRow group_row(const Group& group, const Snapshot& seen, const store::Store& store) {
  const auto is_active = [&](const Member& member) {
    const Device* device = seen.find_device(member.uuid);
    return device != nullptr && (!member.parent || device->parent == *member.parent);
  };
  const auto active = std::count_if(group.members.begin(), group.members.end(), is_active);
  const auto claimed = std::count_if(group.members.begin(), group.members.end(), [&](const Member& member) {
    return seen.claims.find(member.uuid) != nullptr && is_active(member);
  });
  return {&group, static_cast<std::size_t>(active), store.path_of(group.name),
          static_cast<std::size_t>(claimed)};
}

std::optional<std::uint64_t> count_devices(const Snapshot& seen, const Parent& parent, const Type& type) {
  std::uint64_t count = 0;
  for (const std::vector<Device>* devices : {&seen.devices, &seen.removing}) {
    for (const Device& device : *devices) {
      if (device.parent == parent.name && !device.type) {
        return std::nullopt;
      }
      count += device.parent == parent.name && *device.type == type.id ? 1U : 0U;
    }
  }
  return count;
}

}  // namespace mdevadm::cli
