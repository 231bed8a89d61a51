// Commands of NVIDIA's host software, as far as administrators and tools use them to prepare GPUs for vGPUs,
// of s390-tools for the masks of
// the AP bus and channel devices, driverctl and modprobe.
// They work on the simulated /sys of `mdevsim run`, which shows mdevsim under their names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::sim {

// Paths at which the commands are shown.
inline constexpr const char* sriov_manage_directory = "/usr/lib/nvidia";
inline constexpr const char* sriov_manage_name = "sriov-manage";
inline constexpr const char* nvidia_smi_name = "nvidia-smi";
inline constexpr const char* chzdev_name = "chzdev";
inline constexpr const char* driverctl_name = "driverctl";
inline constexpr const char* chccwdev_name = "chccwdev";
inline constexpr const char* modprobe_name = "modprobe";

// The arguments after the command's name. All return the exit code of the original and print to stdout and
// stderr.
int sriov_manage(const std::vector<std::string>& words);
int nvidia_smi(const std::vector<std::string>& words);
int chzdev(const std::vector<std::string>& words);
int driverctl(const std::vector<std::string>& words);
int chccwdev(const std::vector<std::string>& words);
int modprobe(const std::vector<std::string>& words);

// Access to the simulated files.
std::optional<std::string> read_line(const std::string& path);   // nullopt: cannot be read
int write_line(const std::string& path, std::string_view text);  // 0 or errno
std::string driver_of(const std::string& pci_address);           // empty: none

// Returns the kernel's name for an address as printed by lspci and nvidia-smi: "41:00.0",
// "00000000:41:00.0"; nullopt if it is none.
std::optional<std::string> pci_name(std::string_view address);

}  // namespace mdevadm::sim
