#include <mdevadm/model/watch.hpp>

#include <utility>

namespace mdevadm {

const Definition* Watched::definition_of(const ParentName& parent, const Uuid& uuid) const {
  const auto found = definitions.find({parent, uuid});
  return found == definitions.end() ? nullptr : &found->second;
}

std::string Watched::group_of(const Definition& definition) const {
  const auto found = groups_of_members.find(definition.uuid);
  if (found != groups_of_members.end()) {
    for (const GroupName& name : found->second) {
      if (groups.at(name).has(definition)) {
        return name.str();
      }
    }
  }
  return {};
}

void Watched::set_groups(std::map<GroupName, Group> all) {
  groups = std::move(all);
  groups_of_members.clear();
  for (const auto& [name, group] : groups) {
    for (const Member& member : group.members) {
      groups_of_members[member.uuid].push_back(name);
    }
  }
}

std::string watch_word(WatchKind kind) {
  switch (kind) {
    case WatchKind::ready: return "ready";
    case WatchKind::parent_registered: return "parent-registered";
    case WatchKind::parent_gone: return "parent-gone";
    case WatchKind::device_created: return "device-created";
    case WatchKind::device_removed: return "device-removed";
    case WatchKind::device_in_use: return "device-in-use";
    case WatchKind::device_released: return "device-released";
    case WatchKind::definition_added: return "definition-added";
    case WatchKind::definition_changed: return "definition-changed";
    case WatchKind::definition_removed: return "definition-removed";
    case WatchKind::group_added: return "group-added";
    case WatchKind::group_changed: return "group-changed";
    case WatchKind::group_removed: return "group-removed";
    case WatchKind::events_lost: return "events-lost";
    case WatchKind::events_dropped: return "events-dropped";
  }
  return {};
}

}  // namespace mdevadm
