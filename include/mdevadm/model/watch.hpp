// What `monitor` knows of the host, and the events that it reports.
#pragma once

#include <chrono>
#include <map>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/names.hpp>
#include <mdevadm/util/holder.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace mdevadm {

// A device that exists.
struct WatchedDevice {
  Uuid uuid;
  ParentName parent;
  std::optional<TypeName> type{};
  std::string vf{};                  // address of the virtual function that it is on
  std::vector<std::string> nodes{};  // paths of its VFIO nodes
  bool removing = false;             // its removal is pending
  std::vector<Holder> users{};       // empty: not in use
};

// A device whose creation has begun.
struct StartingDevice {
  WatchedDevice device;  // as far as its path shows
  bool bound = false;    // its driver has accepted it
};

// The state of the host as the reported events have left it.
struct Watched {
  std::set<ParentName> parents{};
  // By the directory below the root, because with one kernel interface several devices share a UUID.
  std::map<std::string, WatchedDevice> devices{};
  std::map<std::string, StartingDevice> starting{};
  std::map<std::pair<ParentName, Uuid>, Definition> definitions{};
  std::map<GroupName, Group> groups{};  // changed by set_groups()
  std::map<Uuid, std::vector<GroupName>> groups_of_members{};
  std::size_t unseen_processes = 0;  // could not be inspected: they may use devices

  // Returns the definition of the device, or nullptr.
  const Definition* definition_of(const ParentName& parent, const Uuid& uuid) const;
  // Returns the name of the group that the definition is a member of; empty if there is none.
  std::string group_of(const Definition& definition) const;
  void set_groups(std::map<GroupName, Group> groups);
};

enum class WatchKind {
  ready,
  parent_registered,
  parent_gone,
  device_created,
  device_removed,
  device_in_use,
  device_released,
  definition_added,
  definition_changed,
  definition_removed,
  group_added,
  group_changed,
  group_removed,
  events_lost,     // by the kernel, because this process was too slow
  events_dropped,  // by this process, because its reader was too slow
};

// Returns the word for the kind in JSON: "device-created".
std::string watch_word(WatchKind kind);

struct WatchEvent {
  WatchKind kind;
  std::chrono::system_clock::time_point time{};
  std::optional<ParentName> parent{};
  std::optional<Uuid> uuid{};
  std::optional<TypeName> type{};
  std::string vf{};
  std::string name{};           // of the definition
  std::string group{};          // the group, or the one that the device is a member of
  std::vector<Holder> users{};  // of device_in_use
  std::size_t count = 0;        // of events_dropped
  std::string detail{};         // why a definition cannot be used any more
  bool initial = false;         // not a change, but the state at the beginning
};

// The processes that have VFIO devices open.
struct DeviceUse {
  std::map<std::string, std::vector<Holder>> by_node{};  // by the directory of the device
  // Number of VFIO devices that each process has open through groups, by its ID. The kernel does not report
  // which ones.
  std::map<int, std::size_t> open_devices{};
  // How many of these can belong to the group nodes that the process has open, which include the nodes of
  // devices that are not watched, such as network adapters.
  std::map<int, std::size_t> devices_with_node{};
  std::size_t unseen_processes = 0;  // could not be inspected
};

}  // namespace mdevadm
