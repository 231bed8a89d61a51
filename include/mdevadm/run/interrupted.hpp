// Ctrl-C and SIGTERM between two steps.
#pragma once

namespace mdevadm {

// Throws Error "interrupted" once a signal has come (sys/interrupt.hpp).
void throw_if_interrupted();

}  // namespace mdevadm
