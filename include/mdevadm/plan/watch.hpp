// Turns observations of the host into events. Pure functions: each changes the state and returns the events
// of the change, without time. An observation that the state has already is not an event, so the messages of
// the kernel may be older than a listing, and may be repeated.
#pragma once

#include <mdevadm/model/watch.hpp>

namespace mdevadm {

using WatchEvents = std::vector<WatchEvent>;

WatchEvents register_parent(Watched& state, const ParentName& parent);
WatchEvents unregister_parent(Watched& state, const ParentName& parent);

// The kernel has created the directory of a device. No event yet: the driver may refuse the device, and its
// type is not visible before.
void begin_device(Watched& state, const std::string& path, const WatchedDevice& device);
// The driver has accepted the device.
void bind_device(Watched& state, const std::string& path);
// Returns whether the device is starting, or exists and still lacks its type or nodes: then it must be
// examined again.
bool is_unsettled(const Watched& state, const std::string& path);
// Examines a device that was begun: nullopt if its directory no longer exists. It becomes an event when its
// type is known, or when there is nothing more to wait for (`is_last`): some interfaces do not report types,
// then that of its definition is taken. A device that exists is completed.
WatchEvents settle_device(Watched& state, const std::string& path, const std::optional<WatchedDevice>& seen,
                          bool is_last);
// The directory of a device was removed. A device that the driver had not accepted is not an event.
WatchEvents remove_device(Watched& state, const std::string& path);

// Replace a part of the state by a listing.
WatchEvents replace_parents(Watched& state, const std::set<ParentName>& parents);
// Devices that are starting do not change: the messages of the kernel follow. A new device without type and
// nodes is starting, too.
WatchEvents replace_devices(Watched& state, const std::map<std::string, WatchedDevice>& devices);
// The events of definitions that are gone have their former groups, those of others their present ones.
// `broken`: why files cannot be used, by their definitions, for the details of events.
WatchEvents replace_store(Watched& state,
                          const std::map<std::pair<ParentName, Uuid>, Definition>& definitions,
                          const std::map<GroupName, Group>& groups,
                          const std::map<std::pair<ParentName, Uuid>, std::string>& broken = {});

// A process that had the node of a device open remains its user as long as it has more VFIO devices open than
// nodes: it may close the node and keep the device.
WatchEvents apply_use(Watched& state, const DeviceUse& use);
// Returns whether a user of a device has closed the node of the device.
bool has_lingering_users(const Watched& state, const DeviceUse& use);

// Returns the events that lead from one state to the other.
WatchEvents watch_differences(Watched before, const Watched& after);

// A condition on the state of the host, as given to --until.
struct Condition {
  enum class State { present, absent, active, inactive, in_use, unused } state;
  std::string object;  // name of a parent, device or group
  std::optional<ParentName> parent{};
  std::vector<Uuid> devices{};

  // Parses "active=cad-seat-1"; `parent` and `devices` are to be resolved.
  static std::optional<Condition> parse(std::string_view text);
  bool concerns_parent() const { return state == State::present || state == State::absent; }
};

// The words of the states, in the order of Condition::State.
const std::vector<std::string>& condition_words();

// Returns whether the condition holds, for each of its devices. While processes cannot be inspected, no
// active device is unused.
bool holds(const Condition& condition, const Watched& state);

// Returns whether all conditions held at the same time after one of the events, which begin in the state
// `before`. Releases do not count: between two searches for users, others may have used the device.
bool held_during(const std::vector<Condition>& all, Watched before, const WatchEvents& events);

}  // namespace mdevadm
