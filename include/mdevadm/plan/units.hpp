// The units of systemd that start devices at boot. Pure functions.
#pragma once

#include <mdevadm/plan/check.hpp>
#include <vector>

namespace mdevadm {

// Returns a finding for each unit that is not enabled although definitions or groups with autostart need it.
std::vector<ObjectFinding> disabled_units(const CheckInput& input);

}  // namespace mdevadm
