// A process that uses a device.
#pragma once

#include <string>
#include <vector>

namespace mdevadm {

struct Holder {
  int pid;
  std::string command;
  bool certain = true;  // false: it has some VFIO device open, but the kernel does not report which one
  bool operator==(const Holder&) const = default;
};

// Returns "qemu-system-x86 (pid 812), probably hold (pid 99)", or "an unknown process" for an empty list.
std::string describe(const std::vector<Holder>& holders);

}  // namespace mdevadm
