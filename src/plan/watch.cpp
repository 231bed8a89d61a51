#include <mdevadm/plan/watch.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace mdevadm {

namespace {

void append(WatchEvents& events, WatchEvents more) {
  std::move(more.begin(), more.end(), std::back_inserter(events));
}

WatchEvent device_event(const Watched& state, WatchKind kind, const WatchedDevice& device) {
  WatchEvent event{
      .kind = kind, .parent = device.parent, .uuid = device.uuid, .type = device.type, .vf = device.vf};
  if (const Definition* definition = state.definition_of(device.parent, device.uuid)) {
    event.name = definition->name ? definition->name->str() : std::string{};
    event.group = state.group_of(*definition);
  }
  return event;
}

WatchEvent definition_event(const Watched& state, WatchKind kind, const Definition& definition) {
  const FunctionName* vf = definition.reserved_vf();
  return {.kind = kind,
          .parent = definition.parent,
          .uuid = definition.uuid,
          .type = definition.type,
          .vf = vf != nullptr ? vf->str() : std::string{},
          .name = definition.name ? definition.name->str() : std::string{},
          .group = state.group_of(definition)};
}

WatchEvents create(Watched& state, const std::string& path, const WatchedDevice& device) {
  const auto [place, is_new] = state.devices.insert_or_assign(path, device);
  place->second.users.clear();  // they are the next events
  return {device_event(state, WatchKind::device_created, place->second)};
}

// A device that vanishes is not in use any more, whichever is noticed first.
WatchEvents erase_device(Watched& state, std::map<std::string, WatchedDevice>::iterator place) {
  WatchEvents events;
  if (!place->second.users.empty()) {
    events.push_back(device_event(state, WatchKind::device_released, place->second));
  }
  events.push_back(device_event(state, WatchKind::device_removed, place->second));
  state.devices.erase(place);
  return events;
}

// Takes the type of the definition if the interface does not report it.
WatchedDevice with_type(const Watched& state, WatchedDevice device) {
  const Definition* definition = device.type ? nullptr : state.definition_of(device.parent, device.uuid);
  if (definition != nullptr) {
    device.type = definition->type;
  }
  return device;
}

void complete(WatchedDevice& known, const WatchedDevice& seen) {
  known.type = seen.type ? seen.type : known.type;
  if (!seen.nodes.empty()) {
    known.nodes = seen.nodes;
  }
}

// The kernel creates the directory of a device before its links, and asks the driver between the two.
bool is_being_created(const std::string& path, const WatchedDevice& listed) {
  return !listed.type && listed.nodes.empty() && path.ends_with(listed.uuid.str());
}

// Another device in the same place, by its UUID or its type: a vGPU on a virtual function has no directory of
// its own.
bool is_other(const WatchedDevice& known, const WatchedDevice& listed) {
  return known.uuid != listed.uuid || (known.type && listed.type && known.type != listed.type);
}

// Replaces the devices of the state by `devices`.
WatchEvents take_devices(Watched& state, const std::map<std::string, WatchedDevice>& devices) {
  WatchEvents events;
  for (auto place = state.devices.begin(); place != state.devices.end();) {
    const auto listed = devices.find(place->first);
    const auto current = place++;
    if (listed == devices.end() || is_other(current->second, listed->second)) {
      append(events, erase_device(state, current));
    }
  }
  for (const auto& [path, device] : devices) {
    const auto known = state.devices.find(path);
    if (known != state.devices.end()) {
      known->second.removing = device.removing;
      complete(known->second, device);
    } else if (!state.starting.contains(path)) {
      append(events, create(state, path, with_type(state, device)));
    }
  }
  return events;
}

// Number of VFIO devices that each process has open beyond those of which it has the nodes open.
std::map<int, std::size_t> devices_without_node(const DeviceUse& use) {
  std::map<int, std::size_t> spare = use.open_devices;
  for (const auto& [pid, count] : use.devices_with_node) {
    if (const auto found = spare.find(pid); found != spare.end()) {
      found->second -= std::min(found->second, count);
    }
  }
  return spare;
}

WatchEvents replace_groups(Watched& state, const std::map<GroupName, Group>& groups) {
  WatchEvents events;
  for (const auto& [name, group] : state.groups) {
    if (!groups.contains(name)) {
      events.push_back({.kind = WatchKind::group_removed, .group = name.str()});
    }
  }
  for (const auto& [name, group] : groups) {
    const auto before = state.groups.find(name);
    if (before == state.groups.end()) {
      events.push_back({.kind = WatchKind::group_added, .group = name.str()});
    } else if (!(before->second == group)) {
      events.push_back({.kind = WatchKind::group_changed, .group = name.str()});
    }
  }
  state.set_groups(groups);
  return events;
}

bool has_pid(const std::vector<Holder>& users, int pid) {
  return std::any_of(users.begin(), users.end(), [pid](const Holder& user) { return user.pid == pid; });
}

// Returns the users of a device now; takes what they have open without a node from `spare`.
std::vector<Holder> users_now(const std::string& path, const WatchedDevice& device, const DeviceUse& use,
                              std::map<int, std::size_t>& spare) {
  const auto found = use.by_node.find(path);
  std::vector<Holder> users = found == use.by_node.end() ? std::vector<Holder>{} : found->second;
  for (const Holder& before : device.users) {
    const auto left = spare.find(before.pid);
    if (!has_pid(users, before.pid) && left != spare.end() && left->second > 0) {
      --left->second;
      users.push_back(before);
    }
  }
  return users;
}

}  // namespace

WatchEvents register_parent(Watched& state, const ParentName& parent) {
  return state.parents.insert(parent).second
             ? WatchEvents{{.kind = WatchKind::parent_registered, .parent = parent}}
             : WatchEvents{};
}

WatchEvents unregister_parent(Watched& state, const ParentName& parent) {
  return state.parents.erase(parent) > 0 ? WatchEvents{{.kind = WatchKind::parent_gone, .parent = parent}}
                                         : WatchEvents{};
}

void begin_device(Watched& state, const std::string& path, const WatchedDevice& device) {
  if (!state.devices.contains(path)) {
    state.starting.insert_or_assign(path, StartingDevice{device});
  }
}

void bind_device(Watched& state, const std::string& path) {
  if (const auto found = state.starting.find(path); found != state.starting.end()) {
    found->second.bound = true;
  }
}

bool is_unsettled(const Watched& state, const std::string& path) {
  const auto found = state.devices.find(path);
  return state.starting.contains(path) ||
         (found != state.devices.end() && (!found->second.type || found->second.nodes.empty()));
}

WatchEvents settle_device(Watched& state, const std::string& path, const std::optional<WatchedDevice>& seen,
                          bool is_last) {
  const auto found = state.starting.find(path);
  if (found == state.starting.end()) {
    if (const auto known = state.devices.find(path); known != state.devices.end() && seen) {
      complete(known->second, *seen);
    }
    return {};
  }
  const bool is_complete = seen && seen->type;
  // A directory that is gone after the driver had accepted the device: it was removed since.
  const bool was_complete = !seen && found->second.bound;
  if (!is_complete && !was_complete && !is_last) {
    return {};
  }
  const WatchedDevice device = seen ? with_type(state, *seen) : found->second.device;
  state.starting.erase(found);
  return seen || was_complete ? create(state, path, device) : WatchEvents{};
}

WatchEvents remove_device(Watched& state, const std::string& path) {
  WatchEvents events;
  if (const auto found = state.starting.find(path); found != state.starting.end()) {
    const StartingDevice starting = found->second;
    state.starting.erase(found);
    if (starting.bound) {
      events = create(state, path, starting.device);
    }
  }
  if (const auto found = state.devices.find(path); found != state.devices.end()) {
    append(events, erase_device(state, found));
  }
  return events;
}

WatchEvents replace_parents(Watched& state, const std::set<ParentName>& parents) {
  WatchEvents events;
  const std::set<ParentName> before = state.parents;
  for (const ParentName& parent : before) {
    if (!parents.contains(parent)) {
      append(events, unregister_parent(state, parent));
    }
  }
  for (const ParentName& parent : parents) {
    append(events, register_parent(state, parent));
  }
  return events;
}

WatchEvents replace_devices(Watched& state, const std::map<std::string, WatchedDevice>& devices) {
  for (const auto& [path, device] : devices) {
    if (is_being_created(path, device) && !state.devices.contains(path)) {
      state.starting.emplace(path, StartingDevice{device});
    }
  }
  return take_devices(state, devices);
}

WatchEvents replace_store(Watched& state,
                          const std::map<std::pair<ParentName, Uuid>, Definition>& definitions,
                          const std::map<GroupName, Group>& groups,
                          const std::map<std::pair<ParentName, Uuid>, std::string>& broken) {
  WatchEvents events;
  for (const auto& [key, definition] : state.definitions) {
    if (!definitions.contains(key)) {
      const auto why = broken.find(key);
      events.push_back(definition_event(state, WatchKind::definition_removed, definition));
      events.back().detail = why == broken.end() ? std::string{} : why->second;
    }
  }
  append(events, replace_groups(state, groups));
  for (const auto& [key, definition] : definitions) {
    const auto before = state.definitions.find(key);
    if (before == state.definitions.end()) {
      events.push_back(definition_event(state, WatchKind::definition_added, definition));
    } else if (before->second != definition) {
      events.push_back(definition_event(state, WatchKind::definition_changed, definition));
    }
  }
  state.definitions = definitions;
  return events;
}

WatchEvents apply_use(Watched& state, const DeviceUse& use) {
  WatchEvents events;
  state.unseen_processes = use.unseen_processes;
  std::map<int, std::size_t> spare = devices_without_node(use);
  for (auto& [path, device] : state.devices) {
    const std::vector<Holder> now = users_now(path, device, use, spare);
    const std::vector<Holder> before = std::exchange(device.users, now);
    const bool same_user =
        std::any_of(before.begin(), before.end(), [&](const Holder& one) { return has_pid(now, one.pid); });
    if (!before.empty() && !same_user) {
      events.push_back(device_event(state, WatchKind::device_released, device));
    }
    if (!device.users.empty() && !same_user) {
      events.push_back(device_event(state, WatchKind::device_in_use, device));
      events.back().users = device.users;
    }
  }
  return events;
}

bool has_lingering_users(const Watched& state, const DeviceUse& use) {
  return std::any_of(state.devices.begin(), state.devices.end(), [&](const auto& entry) {
    const auto found = use.by_node.find(entry.first);
    return std::any_of(entry.second.users.begin(), entry.second.users.end(), [&](const Holder& user) {
      return found == use.by_node.end() || !has_pid(found->second, user.pid);
    });
  });
}

WatchEvents watch_differences(Watched before, const Watched& after) {
  before.starting.clear();
  WatchEvents events = replace_parents(before, after.parents);
  append(events, replace_store(before, after.definitions, after.groups));
  append(events, take_devices(before, after.devices));
  DeviceUse use;
  for (const auto& [path, device] : after.devices) {
    use.by_node.emplace(path, device.users);
  }
  append(events, apply_use(before, use));
  return events;
}

}  // namespace mdevadm
