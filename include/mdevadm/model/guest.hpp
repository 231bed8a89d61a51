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
  // What the virtual machine gets.
  enum class Kind {
    mediated,  // a mediated device, whose name on the mdev bus is its UUID
    numbered,  // a mediated device, whose name the kernel chooses when it is created
    function,  // a virtual function itself
  };

  Uuid uuid;
  std::string name{};  // of the definition, or empty
  ParentName parent;
  std::optional<TypeName> type{};
  std::string api{};  // VFIO device API: vfio-pci, vfio-ap or vfio-ccw
  Kind kind = Kind::mediated;
  std::string vf{};           // PCI address of a function; empty: none is assigned yet
  std::string kernel_name{};  // of a mediated device, on the mdev bus; empty: not known yet
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
    return (!device.vf.empty() && vf == device.vf) ||
           (!device.kernel_name.empty() && kernel_name == device.kernel_name);
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
