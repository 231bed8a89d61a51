#include <mdevadm/plan/room.hpp>

#include <algorithm>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/shared_capacity.hpp>

namespace mdevadm {

namespace {

// Returns whether a definition has no device, neither active nor being removed, which would be counted.
bool is_inactive(const Definition& definition, const Snapshot& seen) {
  return seen.find_device(definition.uuid) == nullptr && seen.find_removing(definition.uuid) == nullptr;
}

std::uint64_t devices_on(const Parent& parent, const Snapshot& seen) {
  std::uint64_t count = 0;
  for (const std::vector<Device>* devices : {&seen.devices, &seen.removing}) {
    count += static_cast<std::uint64_t>(std::count_if(
        devices->begin(), devices->end(), [&](const Device& one) { return one.parent == parent.name; }));
  }
  return count;
}

std::uint64_t free_functions(const Parent& parent, const Snapshot& seen, const Definitions& defined) {
  const Uuid none = Uuid::of_name("no device");
  return static_cast<std::uint64_t>(
      std::count_if(parent.functions.begin(), parent.functions.end(), [&](const Function& function) {
        return function.usable && !function.type && device_on(seen, function.address) == nullptr &&
               !defined.withholds(parent.name, function.address) &&
               reserved_for(defined, parent.name, function.address, none) == nullptr;
      }));
}

}  // namespace

Room::Room(const Parent& parent, const Snapshot& seen, const Definitions& defined, Counting counting,
           bool mixes_sizes)
    : capacity_(
          capacity_of(parent, seen.devices, mixes_sizes ? FramebufferSizes::any : FramebufferSizes::equal)),
      devices_(devices_on(parent, seen)) {
  if (parent.capabilities.functions) {
    functions_ = free_functions(parent, seen, defined);
    may_mix_ = devices_ == 0 && !mixes_sizes;
  }
  for (const Definition& definition : defined.all) {
    if (counting == Counting::active || definition.parent != parent.name || !is_inactive(definition, seen)) {
      continue;
    }
    ++devices_;
    if (functions_ && definition.reserved_vf() == nullptr && *functions_ > 0) {
      --*functions_;
    }
    // A definition that does not fit now takes nothing that the others could use.
    const Type* type = resolve_type(parent, definition.type.str());
    const std::uint64_t units = definition.aggregate.value_or(1);
    if (type != nullptr && capacity_.fits(type->id.str(), units)) {
      capacity_.take(type->id.str(), units);
    } else if (type != nullptr) {
      without_room_.emplace_back(type->id.str(), units);
    }
  }
}

std::uint64_t Room::left(const Type& type) const {
  const std::uint64_t left = capacity_.left(type.id.str());
  return functions_ ? std::min(left, *functions_) : left;
}

bool Room::fits(const Type& type, std::uint64_t units) const {
  return functions_ != 0U && capacity_.fits(type.id.str(), units);
}

void Room::take(const Type& type, std::uint64_t units) {
  if (!fits(type, units)) {
    return;
  }
  capacity_.take(type.id.str(), units);
  ++devices_;
  if (functions_) {
    --*functions_;
  }
}

void Room::give_back(const Type& type, std::uint64_t units) {
  if (capacity_.knows(type.id.str())) {
    capacity_.give_back(type.id.str(), units);
  }
  --devices_;
  if (functions_) {
    ++*functions_;
  }
}

void Room::forget(const Type& type, std::uint64_t units) {
  const auto without = std::find(without_room_.begin(), without_room_.end(), std::pair(type.id.str(), units));
  if (without == without_room_.end()) {
    give_back(type, units);
    return;
  }
  without_room_.erase(without);
  --devices_;
  if (functions_) {
    ++*functions_;
  }
}

bool Room::assume_mixed_sizes() {
  if (!may_mix_ || !capacity_.allow_all_kinds()) {
    return false;
  }
  may_mix_ = false;
  for (const auto& [type, units] : without_room_) {
    if (capacity_.fits(type, units)) {
      capacity_.take(type, units);
    }
  }
  return true;
}

std::vector<const Parent*> Rooms::assume_mixed_sizes() {
  std::vector<const Parent*> changed;
  for (const Parent& parent : seen_.parents) {
    if (on(parent).assume_mixed_sizes()) {
      changed.push_back(&parent);
    }
  }
  return changed;
}

Room& Rooms::on(const Parent& parent) {
  const auto found = rooms_.find(&parent);
  if (found != rooms_.end()) {
    return found->second;
  }
  const bool mixes = std::find(mixed_.begin(), mixed_.end(), parent.name) != mixed_.end();
  return rooms_.emplace(&parent, Room(parent, seen_, defined_, counting_, mixes)).first->second;
}

}  // namespace mdevadm
