// The groups that a description asks for. Internal header.
#pragma once

#include <algorithm>
#include <mdevadm/model/group.hpp>
#include <mdevadm/plan/apply.hpp>
#include <vector>

#include "wanted_devices.hpp"

namespace mdevadm {

struct WantedGroup {
  Group after;
  const Group* current;  // nullptr: there is none
};

// What is removed although the description does not contain it.
struct Pruned {
  std::vector<const Definition*> definitions{};
  std::vector<const Group*> groups{};

  bool has(const Group& group) const {
    return std::find(groups.begin(), groups.end(), &group) != groups.end();
  }
  bool has(const Definition& one) const {
    return std::find(definitions.begin(), definitions.end(), &one) != definitions.end();
  }
};

// Finds the definitions and groups that a description with this namespace has made and no longer contains:
// apply removes them with `prune`, except those of `unstopped`, and notes them otherwise.
Pruned find_pruned(const ApplyInput& input, const ApplyOptions& options, WantedDevices& devices,
                   const UnstoppedDevices& unstopped, ApplyPlan& plan);

// Resolves the members of the described groups. Reports members that do not exist, and devices in two groups.
// `tables`: the device tables as written, also those that describe no device on this host.
std::vector<WantedGroup> find_groups(const ApplyInput& input, const std::vector<DeviceEntry>& tables,
                                     const std::vector<WantedDevice>& devices, const Pruned& pruned,
                                     ApplyPlan& plan);

}  // namespace mdevadm
