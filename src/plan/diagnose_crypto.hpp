// Findings about crypto cards and queues, for plan/diagnose.cpp.
#pragma once

#include <mdevadm/plan/diagnose.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Returns the commands that load a module now and, as modprobe(8) does not, at each boot.
std::vector<std::string> advice_to_load(const std::string& module);

// Returns "crypto card card05 (CEX8C, online)", "crypto queue 05.0014".
std::string describe_crypto(const HostDevice& device);

// As why_no_parent(), for a device of the AP bus and for the parent `matrix` that does not exist.
Finding why_no_crypto_parent(const HostDevice& device, const Snapshot& seen, const Definitions* defined);

}  // namespace mdevadm
