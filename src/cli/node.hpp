// What udev asks of a VFIO node.
#pragma once

#include <string>

#include "env.hpp"

namespace mdevadm::cli {

// Properties for a rule's IMPORT{program}, a line each, of the node that the kernel calls so ("7", "vfio3"):
// the device's UUID, and owner, group and mode where its definition, or else its group, says them. Nothing
// for a device that is not defined. Never fails: what cannot be found out is left to other rules.
std::string node_properties(const std::string& kernel_name, const Env& env);

}  // namespace mdevadm::cli
