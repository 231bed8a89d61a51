// Limit of open descriptors (RLIMIT_NOFILE).
#pragma once

namespace mdevadm::sys {

// Raises the limit to the highest one that the process may set. The usual limit of 1024 is too low for hosts
// with hundreds of parents, each of which needs several descriptors while devices are started.
void raise_descriptor_limit();

// Restores the limit that was in force before, for a program that this process executes: programs that use
// select(2) or close all possible descriptors are not prepared for the higher one. Async-signal-safe.
void restore_descriptor_limit();

}  // namespace mdevadm::sys
