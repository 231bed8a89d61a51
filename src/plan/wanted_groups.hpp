// The groups that a description asks for. Internal header.
#pragma once

#include <algorithm>
#include <map>
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

// The groups when the plan is carried out.
class WantedGroups {
 public:
  WantedGroups(const ApplyInput& input, const Pruned& pruned) : input_(input), pruned_(pruned) {}

  // Resolves the members of the described groups. Reports members that do not exist, and devices in two
  // groups. `tables`: the device tables as written, also those that describe no device on this host.
  void find(const std::vector<DeviceEntry>& tables, const std::vector<WantedDevice>& devices,
            ApplyPlan& plan);

  // Returns the described groups.
  const std::vector<WantedGroup>& described() const { return groups_; }
  // Returns whether a present group is neither described nor removed.
  bool stays(const Group& group) const;
  // Returns all groups; those that are not in the description come last.
  std::vector<const Group*> all() const;
  // Returns the group that a definition will be in, or nullptr.
  const Group* of(const Definition& definition) const;
  // Returns the definitions of the members, of `defined`, in the order in which they are started.
  std::vector<Definition> members_to_start(const Group& group, const Definitions& defined) const;
  // Returns the position of each member of a group. Members are started in the order of the group, unless
  // sort_for_start() changes it: the first one determines the IOMMU group that the others join.
  std::map<Uuid, std::size_t> ranks(const Definitions& defined) const;

 private:
  const ApplyInput& input_;
  const Pruned& pruned_;
  std::vector<WantedGroup> groups_{};
};

}  // namespace mdevadm
