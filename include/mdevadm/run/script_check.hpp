// Which scripts of mdevctl cannot be run.
#pragma once

#include <mdevadm/plan/check.hpp>
#include <mdevadm/sys/dir.hpp>
#include <vector>

namespace mdevadm {

// Returns the call-out and notification scripts that are ignored, or that are refused because other users can
// change them. Runs none.
std::vector<UnusableScript> unusable_scripts(const sys::Dir& root);

}  // namespace mdevadm
