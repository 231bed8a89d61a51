// The table of vGPU types that NVIDIA's vGPU host driver installs for nvidia-vgpud.
#pragma once

#include <mdevadm/sim/scenario.hpp>
#include <string>

namespace mdevadm::sim {

// Its directory and name.
inline constexpr const char* vgpu_config_directory = "/usr/share/nvidia/vgpu";
inline constexpr const char* vgpu_config_file = "vgpuConfig.xml";

// Returns the table for the GPUs of a scenario, in the format of the original: every type with its sizes,
// then every GPU with the types that it supports.
std::string vgpu_config_of(const Scenario& scenario);

}  // namespace mdevadm::sim
