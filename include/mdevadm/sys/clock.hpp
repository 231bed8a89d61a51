// Time since boot, including suspend (CLOCK_BOOTTIME). Boot records use this clock.
#pragma once

#include <chrono>

namespace mdevadm::sys {

std::chrono::milliseconds since_boot();

}  // namespace mdevadm::sys
