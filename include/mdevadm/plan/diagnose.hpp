// Why a device of the host is not a parent, from facts about it. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/host_device.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Returns "subchannel 0.0.0313 (device 0.0.2b09, 3390/0c, online)", "0000:00:02.0 (8086:5916)".
std::string describe(const HostDevice& device);

// Who has a crypto queue.
struct QueueOwner {
  const char* kind = "free";       // or "device", "host", or "unknown": free, or of a device that is hidden
  const Device* device = nullptr;  // the active device
};
// Returns nullopt if the device is not a queue, or the AP bus or the queues of devices were not read
// (queue_facets).
std::optional<QueueOwner> owner_of_queue(const HostDevice& device, const Snapshot& seen);

// Returns why the device, which is not a parent, offers no mediated devices; of a crypto queue or card, also
// who has it, as far as `seen` says. `defined` supplies names; nullptr: none.
Finding why_no_parent(const HostDevice& device, const Snapshot& seen = {},
                      const Definitions* defined = nullptr);

// Returns the finding for an address that no device of the host has, according to Snapshot::host_devices: a
// PCI function, a crypto card or queue, or a word that resembles a PCI address. nullopt: the word has another
// form, was not searched, or means a device.
std::optional<Finding> missing_address(const Snapshot& seen, std::string_view word);

// Returns the parent (subchannel) of a device number, if it has one.
std::optional<std::string> parent_with_number(const Snapshot& seen, const std::string& name);

// Returns the findings for all devices that `name` means, according to Snapshot::host_devices: a subchannel
// and the subchannel of a device number can have the same one. Empty: none exists that is not a parent.
std::vector<Finding> why_no_parent(const Snapshot& seen, const std::string& name);
// Returns the finding for a device number, if its subchannel is a parent.
std::optional<Finding> number_of_parent(const Snapshot& seen, const std::string& name);

// Returns the whole number of the subchannel that a definition abbreviates as lscss does: 0.0.0313 for 0313.
// The kernel has no parents with such names.
std::optional<std::string> abbreviated_subchannel(const Definition& definition);
// Returns the finding for a stored definition whose parent is not named as the kernel names it: an
// abbreviated number, the number of the device of a subchannel, a name of libvirt, or in other letter case.
// It includes why the device is not a parent, if it is not. Needs Snapshot::host_devices of the name.
std::optional<Finding> misnamed_parent(const Snapshot& seen, const Definition& definition);

// Returns why the parent of this name does not exist, as far as devices of the host explain it. All commands
// that require a parent use this answer. nullopt: nothing on the host resembles it.
std::optional<Finding> why_missing(const Snapshot& seen, const std::string& name);
// The same for the parent of a stored definition, which may be misnamed.
std::optional<Finding> why_missing(const Snapshot& seen, const Definition& definition);

// Adds to the error for a type that no parent offers why devices that could offer it are not parents: the
// cause if it is one device, else the command that explains them. `type`: empty for all types. Needs the
// devices of Scope::candidates.
Error with_candidates(const Error& error, const Snapshot& seen, std::string_view type);

}  // namespace mdevadm
