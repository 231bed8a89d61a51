// Answers udev's query for the owner, group and mode of a VFIO node.
#pragma once

#include <string>

#include "env.hpp"

namespace mdevadm::cli {

// Returns properties for IMPORT{program} of a udev rule, one per line, for the node with this kernel name
// ("7", "vfio3"): the device's UUID, and owner, group and mode if its definition or its group sets them.
// Empty if the device has no definition. Never fails: on an error other rules decide.
std::string node_properties(const std::string& kernel_name, const Env& env);

}  // namespace mdevadm::cli
