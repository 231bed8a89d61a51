// Devices in the formats of QEMU and libvirt.
#pragma once

#include <mdevadm/model/claim.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/guest.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm::render {

// What QEMU is given for the devices of one virtual machine.
struct QemuSet {
  std::vector<QemuProperties> devices;
  bool iommufd = false;  // they use the object iommufd0
  std::optional<Uuid> vm{};
};

// Return the arguments of QEMU: with properties as "key=value", or as a JSON object (QEMU 6.2 and later).
std::vector<std::string> qemu_arguments(const QemuSet& set);
std::vector<std::string> qemu_arguments_with_json(const QemuSet& set);

// Returns a file for QEMU's option -readconfig. It cannot contain the UUID of the virtual machine, which is
// in a comment.
std::string qemu_config(const QemuSet& set);

// Returns a JSON document with the arguments, and each device as an object for device_add.
std::string qemu_document(const QemuSet& set, const GuestDevices& devices,
                          const std::vector<std::string>& notes);

// A device that was handed out, for `claim --json`.
struct ClaimedDevice {
  Claim claim;
  GuestDevice device;
  std::vector<Node> nodes;
  QemuProperties properties;
  std::optional<Uuid> vm{};  // the VM's UUID, if group or definition fix it
};

std::string claim_document(const ClaimedDevice& claimed, const std::vector<std::string>& notes);

struct HostdevOptions {
  bool display = false;
  bool ramfb = false;
};

// Returns the elements <hostdev> for the XML of a domain in libvirt. The name of a group precedes them in the
// element <metadata>, where libvirt stores elements of other programs.
std::string libvirt_hostdevs(const GuestDevices& devices, const HostdevOptions& options);

// Returns the XML of a mediated device for `virsh nodedev-define`. `parent`: its name in libvirt. Throws
// Error{failed} if a value contains characters that XML does not allow. The name of a group (empty: none) is
// in an element of mdevadm's namespace, which libvirt ignores.
std::string libvirt_nodedev(const Definition& definition, const std::string& parent,
                            const std::string& group);

// The namespace of mdevadm's elements.
inline constexpr const char* xml_namespace = "urn:x-mdevadm:group:1";

}  // namespace mdevadm::render
