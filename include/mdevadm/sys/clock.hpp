// The time since the machine was switched on, sleep included: what "at this boot" is measured by.
#pragma once

#include <chrono>

namespace mdevadm::sys {

std::chrono::milliseconds since_boot();

}  // namespace mdevadm::sys
