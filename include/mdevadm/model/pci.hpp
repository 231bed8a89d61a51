// Facts about a PCI function that could offer vGPUs but does not.
#pragma once

#include <optional>
#include <string>

namespace mdevadm {

// A display controller of NVIDIA (class 03), not a virtual function.
struct GpuFunction {
  std::string address;                  // 0000:01:00.0
  std::string pci_id{};                 // vendor:device, "10de:1e89"
  std::optional<std::string> driver{};  // that is bound; absent: none
  bool operator==(const GpuFunction&) const = default;
};

}  // namespace mdevadm
