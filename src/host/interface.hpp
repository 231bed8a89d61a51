// A variant of the kernel's interface to mediated devices. Each is implemented in a separate file; Host
// selects one by examining the parent.
#pragma once

#include <mdevadm/model/creation.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parts.hpp"

namespace mdevadm {

// A parent's directory and its location.
struct SysfsParent {
  const sys::Dir& root;
  sys::Dir directory;
  std::string path;         // below the root
  bool registered = false;  // listed by the kernel in /sys/class/mdev_bus
  // Targets of the links to the VFs, in numerical order, if they have been read.
  std::optional<std::vector<std::string>> function_links{};
};

// A physical function whose VFs have or can have vGPUs.
struct FunctionParent {
  std::string name;
  std::vector<std::string> function_links;  // targets of the links to its VFs, in numerical order
};

// One write(2) that triggers an operation of the kernel.
struct Command {
  std::string directory;  // below the root
  std::string attribute;  // path below the directory
  std::string value;
};

// Performs the write; returns its errno.
sys::Result<sys::Done> issue(const sys::Dir& root, const Command& command);

class Interface {
 public:
  virtual ~Interface() = default;

  // Returns the identifier used by `types --json` and `show`.
  virtual std::string_view name() const = 0;
  // Returns whether the parent has this interface.
  virtual bool recognizes(const SysfsParent& parent) const = 0;
  // Reads capabilities, home, types and functions with the attributes requested by `facets`, in natural
  // order.
  virtual void describe(const SysfsParent& parent, Facet facets, Parent& into) const = 0;
  // Returns the command that create() issues first, without effect.
  virtual Command creation(const SysfsParent& parent, const Creation& what) const = 0;
  // Creates a device with creation(), plus the preparation, cleanup and alternative spellings that the
  // interface requires. Returns the errno of the write; throws Error for failures detected before or after
  // it.
  virtual sys::Result<sys::Done> create(const SysfsParent& parent, const Creation& what) const {
    return issue(parent.root, creation(parent, what));
  }
  // Returns the command that removes a device.
  virtual Command removal(const SysfsParent& parent, const Device& device) const = 0;
  // Returns the command that sets the online state, or nullopt if devices have no such state.
  virtual std::optional<Command> switching(const SysfsParent& parent, const Device& device,
                                           bool online) const;
  // Returns the online state, or nullopt if it cannot be read.
  virtual std::optional<bool> is_online(const SysfsParent& parent, const Device& device) const;
  // Returns whether sysfs shows the type of an active device.
  virtual bool reports_type() const { return true; }
  // Returns whether the device exists, including one whose removal is pending.
  virtual bool is_there(const sys::Dir& root, const Device& device) const;
};

// Returns the interface of a parent, or nullptr if it has no supported one.
const Interface* interface_of(const SysfsParent& parent);

// Returns the location of a parent, or nullopt if no such device exists or the device is not related to
// mediated devices.
std::optional<SysfsParent> find_parent(const sys::Dir& root, const std::string& name);
// Returns all parents: those listed by the kernel and those of interfaces without such a list. With `is_raw`,
// virtual functions that the kernel lists are parents, as mdevctl sees them; otherwise their GPU is.
std::vector<std::pair<std::string, SysfsParent>> find_parents(const sys::Dir& root, bool is_raw,
                                                              const Parts& parts);

// The mainline interface since 4.10, with extensions that were proposed: aggregation, create arguments,
// migration_version.
const Interface& upstream_interface();
// The interface proposed at KVM Forum 2016, with its two ways to share an IOMMU group.
const Interface& forum_interface();
// The flat interface of 2016, in four forms.
std::span<const Interface* const> flat_interfaces();
// NVIDIA vGPUs on SR-IOV virtual functions, without mdev.
const Interface& functions_interface();
// Mediated devices on SR-IOV virtual functions, each of which is registered as a parent; here the GPU is the
// parent.
const Interface& function_mdevs_interface();

// Returns the name of the physical function of a VF; nullopt if the PCI device is not a VF.
std::optional<std::string> physical_function(const sys::Dir& device);
// Returns the targets of the links to the VFs of a physical function, in numerical order.
std::vector<std::string> function_links(const sys::Dir& device);
// Returns the directories of the VFs of a physical function, in numerical order.
std::vector<std::string> function_paths(const SysfsParent& parent);
// Returns a notice that names the VFs which take no device, with the drivers bound to them; an empty string
// if all are usable.
std::string notice_of_unusable(const std::vector<Function>& functions);
// The notice of a GPU without devices none of whose VFs accepts a type.
inline constexpr const char* notice_of_no_types =
    "no types available: in MIG mode create GPU instances first (nvidia-smi mig -cgi); otherwise check that "
    "nvidia-vgpud has run";
// Returns a notice that some of the enabled VFs are not present; an empty string if all are, or none is.
std::string notice_of_missing(const SysfsParent& parent, std::size_t present);
// Returns a notice that all enabled VFs have devices, fewer than the GPU supports; otherwise an empty string.
std::string notice_of_few(const Parent& parent);
// Returns the error for a VF that the physical function does not have.
Error missing_function(const SysfsParent& parent, const std::string& function);

// Returns the display controllers of NVIDIA that are not VFs, sorted by address. `parents` are those that
// have been read; their VFs are not examined again.
std::vector<GpuFunction> read_gpus(const sys::Dir& root, const std::vector<Parent>& parents);

// Returns the physical functions whose VFs have or can have vGPUs, sorted by name, except those that the
// kernel lists as parents. `known`: names of devices that are not examined.
std::vector<FunctionParent> function_parents(const sys::Dir& root,
                                             const std::optional<std::vector<ParentName>>& among = {},
                                             std::set<std::string, std::less<>> known = {});
// Adds to GPUs with VFs that do not list all of their types those that NVIDIA's table of vGPU types has, and
// completes their types in use. The table is only read if there is such a GPU.
void add_unlisted_types(const sys::Dir& root, std::vector<Parent>& parents);
// Returns the VFs of a physical function with their assigned types and, on request, the types that they
// accept.
std::vector<Function> read_functions(const SysfsParent& parent, bool with_creatable);

// Returns the addresses of all VFs that a physical function can have (Linux 4.13 and later).
std::vector<std::string> possible_addresses(const sys::Dir& directory, std::string_view name);

// Return the value of an attribute, or nullopt if it does not exist or the driver refuses to read it. Throw
// Error if the process lacks memory or descriptors.
std::optional<std::string> read_optional(const sys::Dir& directory, const std::string& name);

// Return the value of an attribute without surrounding blanks, or nothing if it is unreadable. A file without
// read permission is not opened: SELinux would report the attempt as a denial of CAP_DAC_OVERRIDE.
std::optional<std::string> read_if_readable(const sys::Dir& directory, const std::string& name);
std::optional<std::string> read_if_readable(const sys::Dir& directory, const std::string& name,
                                            const sys::Result<sys::FileStatus>& status);
std::optional<std::uint64_t> read_number(const sys::Dir& directory, const std::string& name);
// Returns the driver that a device is reserved for by this file, or nullopt.
std::optional<std::string> read_driver_override(const sys::Dir& directory, const std::string& name);
// Returns the digits of a hexadecimal value, "10de" for 0x10de; nullopt also if it has another form.
std::optional<std::string> read_hex(const sys::Dir& directory, const std::string& name);
// Returns two such values as "10de:13f2".
std::optional<std::string> read_hex_pair(const sys::Dir& directory, const std::string& first,
                                         const std::string& second);

}  // namespace mdevadm
