// Check for SIGINT, SIGTERM and SIGHUP between two steps.
#pragma once

namespace mdevadm {

// Throws Error "interrupted" once a signal has arrived (sys/interrupt.hpp).
void throw_if_interrupted();

}  // namespace mdevadm
