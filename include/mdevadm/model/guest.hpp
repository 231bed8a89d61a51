// Devices as a virtual machine gets them.
#pragma once

#include <mdevadm/model/names.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace mdevadm {

struct GuestDevice {
  Uuid uuid;
  std::string name{};  // of the definition, or empty
  ParentName parent;
  std::optional<TypeName> type{};
  std::string api{};          // VFIO device API: vfio-pci, vfio-ap or vfio-ccw
  std::string vf{};           // PCI address, if the virtual machine gets a virtual function itself; or empty
  std::string kernel_name{};  // on the mdev bus, if it gets a mediated device
  // The VM's UUID must be on QEMU's command line: NVIDIA's vGPU manager reads it there.
  bool wants_vm = false;
  std::optional<Uuid> vm{};  // the VM's UUID, if the create arguments of the device contain it

  // Returns the name, or else the UUID.
  std::string word() const { return name.empty() ? uuid.str() : name; }
};

// The devices of one virtual machine, in the order in which it gets them.
struct GuestDevices {
  std::vector<GuestDevice> all;
  std::string group{};       // that they are the members of, or empty
  std::optional<Uuid> vm{};  // the VM's UUID
};

// Properties of a device of QEMU, in order; "driver" is the first.
using QemuProperties = std::vector<std::pair<std::string, std::variant<std::string, bool>>>;

// A device of a running virtual machine.
struct AttachedDevice {
  std::string id;             // in QEMU; with libvirt the alias; may be empty
  std::string vf{};           // PCI address, if it is a PCI device of the host; or empty
  std::string kernel_name{};  // on the mdev bus, if it is a mediated device; or empty

  bool is(const GuestDevice& device) const {
    return device.vf.empty() ? kernel_name == device.kernel_name : vf == device.vf;
  }
};

// A device of the host that is attached to, or detached from, a running virtual machine.
struct Attachment {
  GuestDevice device;
  std::string id{};             // in QEMU
  QemuProperties properties{};  // for QEMU
  std::string xml{};            // for libvirt
};

}  // namespace mdevadm
