// Configurations of NVIDIA's vgpu-device-manager. Plain values.
#pragma once

#include <cstdint>
#include <mdevadm/model/host_file.hpp>
#include <mdevadm/model/pci.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

struct VgpuCount {
  std::string type;  // "T4-1Q", without attributes that no driver has in its names
  std::uint64_t count;
  FilePosition where;
};

// What GPUs are to have. vgpu-device-manager follows the rules of a configuration in their order, and each
// replaces all vGPUs of the GPUs that it means: the last rule for a GPU decides.
struct VgpuRule {
  FilePosition where;
  std::vector<PciPattern> filter{};  // empty: all GPUs of NVIDIA
  std::optional<std::vector<std::uint64_t>>
      indices{};  // of GPUs in the order of their addresses; nullopt: all
  FilePosition indices_at{};
  std::vector<VgpuCount> counts{};  // of vGPUs on each GPU; empty: none
};

struct VgpuConfig {
  std::string name;
  FilePosition where;
  std::vector<VgpuRule> rules{};
};

}  // namespace mdevadm
