// Why a GPU or another parent offers no types, from facts of the snapshot. Pure functions.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

inline constexpr const char* nvidia_driver = "nvidia";
inline constexpr const char* stub_driver =
    "pci-pf-stub";  // has a GPU while sriov-manage changes its functions

enum class Severity { error, warning, info };

// Returns the severity of a problem: an error if something that is needed, such as autostart, fails.
constexpr Severity severity_if(bool is_needed) {
  return is_needed ? Severity::error : Severity::warning;
}

// What an observation means: a problem, or why a device is not a parent.
struct Finding {
  std::string what;                   // "nvidia is bound to 0000:01:00.0 (10de:1e89) but offers no types"
  std::vector<std::string> advice{};  // each names a command, best first

  std::string id{};  // stable: "css-driver"
  Severity severity = Severity::error;

  std::string str() const;  // in one line: the finding and the first advice
};

// Returns why the parent or GPU of this name (in the kernel's spelling) offers no types: a GPU is bound to
// another driver or to none, or the driver offers none. nullopt: it offers types, it is neither a parent nor
// among Snapshot::gpus, it has a notice, which explains it, or its types are only listed while they can be
// created. Needs the types of the parent.
std::optional<Finding> why_no_types(const Snapshot& seen, std::string_view name);

// Returns the findings of all parents and GPUs. Needs the types of all parents.
std::vector<Finding> why_no_types(const Snapshot& seen);

// Returns whether a driver passes a PCI function to virtual machines; an administrator or libvirt bound it.
bool passes_through(std::string_view driver);

// Returns the command that enables the virtual functions of a parent: as its settings say, or else NVIDIA's
// script.
std::string command_to_enable(const Parent& parent);

// Returns whether fewer virtual functions of a parent are enabled, at least one, than it supports.
bool has_few_functions(const Parent& parent);

// Returns how all virtual functions of such a parent are enabled.
std::string advice_to_enable_all(const Parent& parent);

// Returns how the virtual functions that take no device can be made usable, or be excluded while others are
// in use; empty if all are usable.
std::vector<std::string> advice_for_functions(const Parent& parent,
                                              const std::vector<FunctionName>& reserved = {});

// Returns whether a GPU has virtual functions without a vGPU interface, and settings reserve all of them for
// other purposes.
bool lacks_only_reserved(const Parent& parent, const std::vector<FunctionName>& reserved);

// Returns the commands that bind a GPU, now bound to another driver or to none, to a driver.
std::string commands_to_bind(const std::string& address, const std::string& driver,
                             const std::optional<std::string>& bound, bool has_override);

// The findings of a GPU that supports virtual functions.
Finding without_iommu(const std::string& gpu);  // NVIDIA's driver does not bind virtual functions
// driver_override permits one driver only, so sriov-manage cannot bind the GPU to pci-pf-stub for a moment.
Finding driver_is_fixed(const std::string& gpu, const std::string& driver_override);

// Returns the notice of a parent with the command that helps, if there is one; if it has none, why it offers
// no types; empty if it offers types.
std::string notice_of(const Snapshot& seen, const Parent& parent);
std::string notice_of(const Parent& parent);  // its own notice only

}  // namespace mdevadm
