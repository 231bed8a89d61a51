// Parser for configuration files of NVIDIA's vgpu-device-manager, in YAML
// (https://github.com/NVIDIA/vgpu-device-manager, version v1 of the format). A pure function.
#pragma once

#include <mdevadm/model/vgpu_manager.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

struct VgpuManagerContent {
  std::vector<VgpuConfig> configs{};  // in the order of the file
  // Everything that is wrong with any of them; if there is anything, `configs` must not be used. Unknown and
  // repeated keys are problems.
  std::vector<FileProblem> problems{};
};

// Parses a file; `path` is for messages. Throws Error if libyaml is not installed.
VgpuManagerContent parse_vgpu_manager(const std::string& path, std::string_view text);

}  // namespace mdevadm::store
