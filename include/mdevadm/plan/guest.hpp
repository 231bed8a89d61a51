// From devices to virtual machines: what QEMU and libvirt have to be given. Pure functions; throw Error if
// not possible.
#pragma once

#include <chrono>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/guest.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

inline constexpr Facet guest_facets = Facet::devices | Facet::parents | Facet::parent_identity |
                                      Facet::types | Facet::device_api | Facet::type_name;

// Returns the device as a virtual machine gets it. It need not be active, and its parent need not exist if
// its definition says enough. Needs guest_facets of its parent. Throws Error: in_use (its removal is
// pending), conflict (several parents define it), failed (no virtual machine can use its device API).
GuestDevice guest_device(const Snapshot& seen, const Found& found, const std::string& doing);

// The same for all members of a group, in order.
GuestDevices guest_devices(const Snapshot& seen, const Group& group, const Definitions& defined,
                           const std::string& doing);

// Sets the VM's UUID: the given one, that of the group, that in the create arguments of the devices, or, if a
// driver requires one, that of the first device. Throws Error{conflict} if two of the former differ. Returns
// whether it is that of the first device.
bool choose_vm(GuestDevices& devices, const std::optional<Uuid>& given, const std::string& doing);

// Throws Error{conflict} if no virtual machine can have all of these devices: QEMU supports one vfio-ap
// device.
void require_usable_together(const std::vector<GuestDevice>& devices, const std::string& doing);

// Throws Error{failed} if libvirt cannot give the device to a domain: it finds mediated devices by their UUID
// only. `display`: the domain shows its display, which libvirt supports for mediated devices only.
void require_libvirt_can(const GuestDevice& device, bool display, const std::string& doing);

struct QemuOptions {
  bool iommufd = false;  // through an object iommufd0 (Linux 6.6, QEMU 9.0), not a VFIO group
  bool display = false;  // QEMU shows the display of the device
  bool ramfb = false;  // QEMU shows the display from the firmware on (implies display); such a device cannot
                       // be unplugged
};

// Returns the IDs of the devices in QEMU, made of their names: a letter, then letters, digits and ".", "_",
// "-", all different.
std::vector<std::string> qemu_ids(const std::vector<GuestDevice>& devices);

// Returns the properties with which QEMU creates the device. Throws Error: failed (a display is wanted of a
// device that is not a PCI device), not_found (its virtual function, or its name in the kernel, is not known
// before it is started).
QemuProperties qemu_properties(const GuestDevice& device, const std::string& id, const QemuOptions& options,
                               const std::string& doing);

// Returns the device that the start which was planned creates, or nullopt if it creates none.
std::optional<GuestDevice> guest_device(const Snapshot& seen, const Definition& definition, const Job& start,
                                        const std::string& doing);

// Plans to attach the devices, in order, all or none, after the steps of the plan `start`, which starts those
// that are not active. Devices that are attached already are not attached again. Throws Error{conflict} if an
// ID is that of another device of the virtual machine. `patience`: for the guest, if a device has to be
// detached again. `machine`: as messages name it.
Plan plan_attach(Plan start, const std::vector<Attachment>& wanted,
                 const std::vector<AttachedDevice>& attached, std::chrono::milliseconds patience,
                 const std::string& machine);

// Plans to detach the devices in reverse order, all or none: devices that were detached before one that the
// guest does not release are attached again. The jobs of devices that are not attached to the virtual
// machine have no steps.
Plan plan_detach(std::vector<Attachment> wanted, const std::vector<AttachedDevice>& attached,
                 std::chrono::milliseconds patience, const std::string& machine);

// Returns the error for a device or group of which nothing is attached.
Error not_attached(const Identity& about, const std::string& machine);

}  // namespace mdevadm
