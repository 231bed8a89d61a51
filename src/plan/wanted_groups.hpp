// The groups that a description asks for. Internal header.
#pragma once

#include <mdevadm/model/group.hpp>
#include <mdevadm/plan/apply.hpp>
#include <vector>

#include "wanted_devices.hpp"

namespace mdevadm {

struct WantedGroup {
  Group after;
  const Group* current;  // nullptr: there is none
};

// Resolves the members of the described groups. Reports members that do not exist, and devices in two groups.
std::vector<WantedGroup> find_groups(const ApplyInput& input, const std::vector<WantedDevice>& devices,
                                     ApplyPlan& plan);

}  // namespace mdevadm
