// The room that the devices of a description find, and what is in the way.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/model/function_capacity.hpp>
#include <mdevadm/model/probe.hpp>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/probe.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/holder.hpp>
#include <mdevadm/util/text.hpp>

#include "wanted_devices.hpp"

namespace mdevadm {

namespace {

constexpr std::size_t most_shown = 8;
// Of more devices it is not found out which ones are in the way.
constexpr std::size_t most_others = 64;

using RoomUser = WantedDevices::RoomUser;

std::string names_of(const std::vector<RoomUser>& others) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(others.size(), most_shown); ++i) {
    names.push_back(others[i].name);
  }
  return join(names, ", ") +
         (others.size() > most_shown ? fmt::format(" and {} more", others.size() - most_shown) : "");
}

std::vector<RoomUser> others_on(const ApplyInput& input, const std::vector<WantedDevice>& wanted,
                                const Parent& parent) {
  const auto is_described = [&](const Uuid& uuid) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const WantedDevice& one) { return one.uuid == uuid; });
  };
  std::vector<RoomUser> others;
  for (const Definition& definition : input.defined.all) {
    if (definition.parent == parent.name && !is_described(definition.uuid)) {
      others.push_back({definition, input.seen.find_device(definition.uuid) != nullptr,
                        fmt::format("'{}'", printable(identity_of(definition).word()))});
    }
  }
  for (const Device& device : input.seen.devices) {
    if (device.parent == parent.name && device.type && !is_described(device.uuid) &&
        input.defined.find(device.uuid, device.parent) == nullptr) {
      others.push_back({{device.uuid, device.parent, *device.type},
                        true,
                        fmt::format("'{}' (not defined)", device.uuid.str())});
    }
  }
  return others;
}

// Returns a part of the others without which the description fits: none of it can stay, if possible those
// that are not active. Empty: the description does not fit without all of them, or there are too many.
template <typename Fits>
std::vector<RoomUser> in_the_way(std::vector<RoomUser> others, const Fits& fits) {
  if (others.empty() || others.size() > most_others || !fits(others)) {
    return {};
  }
  std::stable_partition(others.begin(), others.end(), [](const RoomUser& one) { return one.active; });
  for (std::size_t i = 0; i < others.size();) {
    std::vector<RoomUser> fewer = others;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (fits(fewer)) {
      others = std::move(fewer);
    } else {
      ++i;
    }
  }
  return others;
}

}  // namespace

// Gives back the room of definitions and devices that leave their place.
void WantedDevices::free_rooms(Rooms& rooms, const std::vector<const Definition*>& leaving,
                               const std::set<Uuid>& in_use) {
  std::map<std::string, std::vector<const Definition*>> of_parent;
  for (const Definition* definition : leaving) {
    of_parent[definition->parent.str()].push_back(definition);
  }
  for (const WantedDevice& device : all_) {
    if (device.current != nullptr && !device.placed) {
      of_parent[device.current->parent.str()].push_back(device.current);
    }
  }
  for (auto& [name, definitions] : of_parent) {
    std::erase_if(definitions, [&](const Definition* one) { return in_use.contains(one->uuid); });
    free_room(rooms, name, definitions);
  }
}

void WantedDevices::free_room(Rooms& rooms, const std::string& name,
                              const std::vector<const Definition*>& leaving) const {
  const Parent* parent = usable().find_parent(name);
  if (parent == nullptr) {
    return;
  }
  if (is_emptied(*parent, leaving)) {
    rooms.on(*parent) = idle_room(*parent, leaving);
    return;
  }
  for (const Definition* definition : leaving) {
    if (const Type* type = resolve_type(*parent, definition->type.str())) {
      const std::uint64_t units = definition->aggregate.value_or(1);
      Room& room = rooms.on(*parent);
      if (active_of(*definition) != nullptr) {
        room.give_back(*type, units);
      } else {
        room.forget(*type, units);
      }
    }
  }
}

// Returns whether all active devices of a parent, at least one, are among these.
bool WantedDevices::is_emptied(const Parent& parent, const std::vector<const Definition*>& leaving) const {
  bool any = false;
  for (const Device& device : input_.seen.devices) {
    if (device.parent != parent.name) {
      continue;
    }
    any = true;
    if (std::none_of(leaving.begin(), leaving.end(),
                     [&](const Definition* one) { return one->uuid == device.uuid; })) {
      return false;
    }
  }
  return any;
}

// Returns the room on a parent without active devices. A driver may report other types as available then.
Room WantedDevices::idle_room(const Parent& parent, const std::vector<const Definition*>& leaving) const {
  Parent idle = parent;
  for (Type& type : idle.unlisted) {
    idle.types.push_back(std::move(type));
  }
  idle.unlisted.clear();
  for (Type& type : idle.types) {
    type.available = type.maximum ? type.maximum : type.available;
    type.hidden = false;
  }
  for (Function& function : idle.functions) {
    function.type.reset();
  }
  Snapshot seen = input_.seen;
  std::erase_if(seen.devices, [&](const Device& device) { return device.parent == parent.name; });
  Definitions defined = input_.defined;
  std::erase_if(defined.all, [&](const Definition& definition) {
    return std::any_of(leaving.begin(), leaving.end(), [&](const Definition* one) {
      return one->uuid == definition.uuid && one->parent == definition.parent;
    });
  });
  return {idle, seen, defined, Counting::defined, mixes(parent.name) || shows_mixed_sizes(parent.functions)};
}

bool WantedDevices::mixes(const ParentName& parent) const {
  const auto is_mixed = [&](const ParentSettings& settings) {
    return settings.parent == parent && mixes_sizes(settings);
  };
  return std::any_of(input_.settings.all.begin(), input_.settings.all.end(), is_mixed) ||
         std::any_of(input_.file.parents.begin(), input_.file.parents.end(),
                     [&](const ParentEntry& entry) { return is_mixed(entry.settings); });
}

void WantedDevices::note_mixing() {
  for (const Parent* gpu : mixing_) {
    TypeCounts counts;
    std::set<unsigned> sizes;
    for (const WantedDevice& device : all_) {
      const Type* type = device.placed && device.wanted.parent == gpu->name
                             ? resolve_type(*gpu, device.wanted.type.str())
                             : nullptr;
      const auto name = parse_vgpu_name(type != nullptr ? type->name.value_or("") : "");
      if (!name) {
        continue;
      }
      mdevadm::add(counts, {type->id, 1});
      if (!name->needs_gpu_instance()) {
        sizes.insert(name->gib);
      }
    }
    if (sizes.size() > 1) {
      plan_.notes.push_back(unknown_mixing(gpu->name.str(), describe(counts)));
    }
  }
}

// Returns the other entries whose devices are on parents of this one: "'seat-{}' (4 of nvidia-17)".
std::string WantedDevices::described_beside(const DeviceEntry& entry, const Parsed& parsed) const {
  std::map<const DeviceEntry*, std::vector<const WantedDevice*>> beside;  // in the order of the description
  for (const WantedDevice& device : all_) {
    if (device.entry != &entry && device.placed && parsed.allows(device.wanted.parent)) {
      beside[device.entry].push_back(&device);
    }
  }
  std::vector<std::string> texts;
  for (const auto& [other, devices] : beside) {
    const std::string& type = devices.back()->wanted.type.str();
    texts.push_back(fmt::format("'{}' ({} of {})", printable(other->name.empty() ? type : other->name),
                                devices.size(), type));
  }
  const std::size_t more = texts.size() - std::min(texts.size(), most_shown);
  texts.resize(texts.size() - more);
  return join(texts, ", ") + (more > 0 ? fmt::format(" and {} more", more) : "");
}

void WantedDevices::put_off(std::size_t number) {
  const DeviceEntry& entry = input_.file.devices[number];
  const std::vector<ParentName> failed = allowed_of(options_.failed, parsed_[number]);
  for (WantedDevice& device : all_) {
    if (device.entry != &entry || !device.is_missing()) {
      continue;
    }
    if (is_known(parsed_[number])) {
      refuse_unprepared(device, failed);
    } else {
      device.deferred = true;
    }
  }
}

// Reports that the devices of an entry do not fit, and what takes the instances.
void WantedDevices::refuse_room(std::size_t number, std::uint64_t fitting, bool blocked,
                                const std::function<bool(Rooms)>& fits, const Rooms& rooms) {
  const DeviceEntry& entry = input_.file.devices[number];
  const Parsed& parsed = parsed_[number];
  const std::string what = entry.type.empty()
                               ? fmt::format("any type with {}", join_requirements(parsed.needs))
                               : fmt::format("type {}", printable(entry.type));
  const auto missing = std::count_if(all_.begin(), all_.end(), [&](const WantedDevice& device) {
    return device.entry == &entry && device.is_missing();
  });
  const std::string message =
      missing == 1 ? fmt::format("no available instances of {} for '{}'", what, printable(entry.name))
                   : fmt::format("available instances of {} for only {} of {} devices '{}'", what, fitting,
                                 missing, printable(entry.name));
  std::vector<std::string> hints;
  if (const std::string described = described_beside(entry, parsed); !described.empty()) {
    hints.push_back("other devices of the description on these parents: " + described);
  }
  std::vector<RoomUser> others;
  for (const Parent& parent : input_.seen.parents) {
    if (parsed.allows(parent.name)) {
      const std::vector<RoomUser> more = others_on(input_, all_, parent);
      others.insert(others.end(), more.begin(), more.end());
    }
  }
  const std::vector<RoomUser> leaving = in_the_way(others, [&](const std::vector<RoomUser>& gone) {
    Rooms with_more = rooms;
    std::map<std::string, std::vector<const Definition*>> of_parent;
    for (const RoomUser& one : gone) {
      of_parent[one.definition.parent.str()].push_back(&one.definition);
    }
    for (const auto& [name, definitions] : of_parent) {
      free_room(with_more, name, definitions);
    }
    return fits(with_more);
  });
  if (!leaving.empty()) {
    hints.push_back("enough instances become available if these devices are removed: " + names_of(leaving));
  } else if (!others.empty()) {
    hints.push_back("devices that use instances and are not in the description: " + names_of(others));
  }
  add_prune_hint(leaving.empty() ? others : leaving, hints);
  hints.emplace_back("list available instances: mdevadm types");
  if (!blocked) {
    problem(entry.at("count"), ExitCode::no_capacity, message, hints);
    give_up_missing(entry);
    return;
  }
  refuse_blocked(entry, message, hints);
}

std::vector<std::string> WantedDevices::advice_on_users(const ParentName& parent) const {
  const Parent* found = input_.seen.find_parent(parent.str());
  std::vector<RoomUser> users = found != nullptr ? others_on(input_, all_, *found) : std::vector<RoomUser>{};
  std::erase_if(users, [](const RoomUser& one) { return !one.active; });
  return users.empty() ? std::vector<std::string>{}
                       : std::vector{"active devices that are not in the description: " + names_of(users)};
}

// Adds how to remove those of the devices that an earlier description has made.
void WantedDevices::add_prune_hint(const std::vector<RoomUser>& others,
                                   std::vector<std::string>& hints) const {
  std::vector<RoomUser> ours = others;
  std::erase_if(ours, [&](const RoomUser& one) {
    return options_.prune || one.definition.applied_by != input_.file.space_or_default();
  });
  if (!ours.empty()) {
    hints.push_back("to remove those that apply has created, use --prune: " + names_of(ours));
  }
}

// Refuses the missing devices of an entry because of devices that cannot be stopped now.
void WantedDevices::refuse_blocked(const DeviceEntry& entry, const std::string& message,
                                   std::vector<std::string> hints) {
  std::vector<std::string> users;
  std::vector<std::string> claimed;
  bool any_busy = false;
  for (const Uuid& uuid : in_use_) {
    const std::vector<const Definition*> defined = input_.defined.find(uuid);
    const Identity about = defined.empty() ? Identity{.uuid = uuid} : identity_of(*defined.front());
    users.push_back(about.quoted());
    const Device* device = input_.users->find_device(uuid);
    if (device != nullptr && device->busy) {
      any_busy = true;
      users.back() += fmt::format(" by {}", describe(device->holders));
    }
    if (const Claim* claim = input_.users->claims.find(uuid)) {
      users.back() += fmt::format(" ({})", claim->str());
      claimed.push_back(shell_word(about.word()));
    }
  }
  if (!claimed.empty()) {
    hints.insert(hints.begin(), "release the claimed devices: mdevadm release " + join(claimed, " "));
  }
  if (any_busy) {
    hints.insert(hints.begin(), "stop the processes using the devices, or wait with --timeout SECONDS");
  }
  std::string reasons = users.empty() ? "" : "; in use or claimed, so not stopped: " + join(users, ", ");
  std::vector<std::string> refused;
  for (const auto& [uuid, parent] : unstopped_) {
    const Definition* definition = in_use_.contains(uuid) ? nullptr : input_.defined.find(uuid, parent);
    if (definition != nullptr) {
      refused.push_back(identity_of(*definition).quoted());
    }
  }
  reasons +=
      refused.empty() ? "" : "; not stopped, because their own change is refused: " + join(refused, ", ");
  for (WantedDevice& device : all_) {
    if (device.entry == &entry && device.is_missing()) {
      const Device* active = input_.users->find_device(device.uuid);
      device.refused = true;
      plan_.refused.push_back(
          {device.about(),
           Error(users.empty() ? ExitCode::no_capacity : ExitCode::in_use,
                 fmt::format("cannot apply {}: {}{}", device.about().quoted(), message, reasons), hints)
               .held_by(active != nullptr ? active->holders.list() : std::vector<Holder>{})});
    }
  }
}

bool WantedDevices::is_known(const Parsed& parsed) const {
  return allowed_of(options_.unprepared, parsed).size() <= allowed_of(options_.failed, parsed).size();
}

bool WantedDevices::define_only(std::size_t number) {
  const DeviceEntry& entry = input_.file.devices[number];
  const Parsed& parsed = parsed_[number];
  const Parent* parent =
      parsed.parents.size() == 1 ? input_.seen.find_parent(parsed.parents.front().str()) : nullptr;
  const Type* type = parent != nullptr && !entry.type.empty() ? resolve_type(*parent, entry.type) : nullptr;
  if (!parsed.usable || type == nullptr || entry.active || !entry.count || !is_known(parsed)) {
    return false;
  }
  bool any = false;
  for (WantedDevice& device : all_) {
    if (device.entry == &entry && device.is_missing()) {
      device.wanted.parent = parent->name;
      device.wanted.type = type->id;
      device.placed = true;
      any = true;
    }
  }
  return any;
}

bool WantedDevices::yield_rooms(Rooms& rooms, const std::vector<std::size_t>& entries) {
  bool any = false;
  for (const std::size_t entry : entries) {
    any |= define_only(entry);
  }
  if (any ||
      std::any_of(entries.begin(), entries.end(), [&](std::size_t entry) { return define_beside(entry); })) {
    return true;
  }
  for (const WantedDevice& device : has_yielded_ ? std::vector<WantedDevice>{} : all_) {
    if (device.current == nullptr || !device.placed || device.entry->active ||
        input_.seen.find_device(device.uuid) != nullptr ||
        input_.seen.find_removing(device.uuid) != nullptr) {
      continue;
    }
    const Parent* parent = usable().find_parent(device.current->parent.str());
    const Type* type = parent != nullptr ? resolve_type(*parent, device.current->type.str()) : nullptr;
    if (type != nullptr && device.current->reserved_vf() == nullptr) {
      rooms.on(*parent).forget(*type, device.current->aggregate.value_or(1));
      any = true;
    }
  }
  has_yielded_ = true;
  return any;
}

// Places devices that are not started on a parent that they name and an entry allows, so that they take no
// room there. Returns whether there are such devices.
bool WantedDevices::define_beside(std::size_t number) {
  for (std::size_t i = parsed_.size(); i-- > 0;) {
    const std::vector<ParentName>& parents = parsed_[i].parents;
    if (parents.size() == 1 && parsed_[number].allows(parents.front()) && define_only(i)) {
      return true;
    }
  }
  return false;
}

}  // namespace mdevadm
