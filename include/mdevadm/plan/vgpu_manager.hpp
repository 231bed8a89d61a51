// Configurations of NVIDIA's vgpu-device-manager as descriptions of a host. Pure functions.
#pragma once

#include <mdevadm/model/host_file.hpp>
#include <mdevadm/model/pci.hpp>
#include <mdevadm/model/vgpu_manager.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Namespace of the descriptions, which differs from that of descriptions without one: pruning with one of
// them does not remove what the others have created.
inline constexpr const char* vgpu_manager_space = "2f3bb43f-3b25-57d7-af0f-89fd50f12d7f";

// Returns the configuration that `name` means; without a name the only one, or the one called "default".
// Throws Error: not_found (with the names that exist), usage (a name is required).
const VgpuConfig& choose_vgpu_config(const std::vector<VgpuConfig>& configs, const std::string& name,
                                     const std::string& doing);

// Returns whether the configuration gives GPUs by their indices, which only the host explains.
bool has_gpu_indices(const VgpuConfig& config);

struct VgpuDescription {
  HostFile file;
  std::vector<std::string> warnings{};  // rules, or GPUs of rules, without effect
};

// Describes the devices of a configuration: of each rule and type one table with a count for each parent.
// GPUs are given by PCI IDs, so that the description does not depend on the host; GPUs given by indices
// (`gpus`: all of the host, in the order of their addresses) by their addresses. Of several rules for a GPU
// only the last one counts.
VgpuDescription describe_vgpus(const VgpuConfig& config, const std::vector<GpuFunction>& gpus,
                               StartMode start);

}  // namespace mdevadm
