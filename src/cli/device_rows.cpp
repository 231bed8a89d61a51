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

std::vector<render::DeviceRow> device_rows(const Snapshot& seen, const Definitions& defined,
                                           const Groups& groups, const BootEvents& boot,
                                           const store::Store& store, TypeNames names) {
  const std::vector<const Device*> devices = all_devices(seen);
  std::vector<render::DeviceRow> rows;
  rows.reserve(std::max(devices.size(), defined.all.size()));
  const auto booted = std::chrono::system_clock::now() - sys::since_boot();
  const bool knows_names = std::any_of(seen.parents.begin(), seen.parents.end(),
                                       [](const Parent& parent) { return !parent.types.empty(); });
  auto device = devices.begin();
  auto definition = defined.all.begin();
  // Both are sorted by parent, then UUID.
  while (device != devices.end() || definition != defined.all.end()) {
    const auto order = device == devices.end()           ? std::strong_ordering::greater
                       : definition == defined.all.end() ? std::strong_ordering::less
                                                         : std::tie((*device)->parent, (*device)->uuid) <=>
                                                               std::tie(definition->parent, definition->uuid);
    render::DeviceRow& row = rows.emplace_back();
    row.unseen_processes = seen.unseen_processes;
    row.vague_users = seen.vague_users;
    row.booted = booted;
    if (order <= 0) {
      row.device = *device++;
      row.claim = seen.claims.find(row.device->uuid);
    }
    if (order < 0) {
      const FileProblem* broken = broken_definition(defined, row.device->uuid, row.device->parent);
      row.file = broken != nullptr ? broken->path : "";
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
    if (row.is_active() && row.definition != nullptr) {
      row.differences =
          differences_of(seen, *row.device, *row.definition, node_policy_of(*row.definition, row.group));
    }
    if (names == TypeNames::needed && (knows_names || row.definition != nullptr)) {
      row.type_name = type_name_of(row, seen);
    }
  }
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
