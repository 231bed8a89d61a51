// Definitions and active devices that want the same UUID, virtual function or crypto queue. Pure functions.
#pragma once

#include <mdevadm/plan/check.hpp>
#include <vector>

namespace mdevadm {

// Returns a finding for each definition whose device cannot be started because another device is active, and
// for each pair of definitions whose devices cannot be active together, about the second one.
std::vector<ObjectFinding> conflicts(const CheckInput& input);

// Returns the name of a definition, or its UUID.
std::string name_of_definition(const Definition& definition);

}  // namespace mdevadm
