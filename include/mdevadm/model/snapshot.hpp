// What was seen of a host at one moment. Plain values; what was not asked for (model/facet.hpp) is absent.
#pragma once

#include <cstdint>
#include <mdevadm/model/names.hpp>
#include <mdevadm/model/property.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Whether two names mean one type: they are the same, or one is the other's number without the driver's name
// before it ("17" and "nvidia-17"), as interfaces differ in that.
bool same_type(std::string_view a, std::string_view b);

// One kind of device that a parent can make.
struct Type {
  TypeName id;
  std::optional<std::string> name{};         // the vendor's name: "GRID M60-4Q"
  std::optional<std::string> device_api{};   // vfio-pci, vfio-ccw, vfio-ap, vfio-platform
  std::optional<std::string> description{};  // as the driver wrote it, lines and all
  // How many more can be made now: devices, or units of devices where `most_units` is more than one. On
  // virtual functions an upper limit: on how many of them it can be made.
  std::optional<std::uint64_t> available{};
  std::vector<Property> properties{};         // parsed out of the description
  std::optional<std::uint64_t> maximum{};     // how many an idle parent can make
  std::optional<std::uint64_t> most_units{};  // how many one device can be made of; absent: just one
  std::optional<std::string>
      migration_version{};  // of the host's driver, opaque (Yan Zhao's patches of 2019)
};

// Whether an interface can do something. Some show it only when it is tried.
enum class Support { no, yes, unknown };

// What a parent's kernel interface can do beyond plain create and remove. Nothing above host/ asks for more
// than this.
struct Capabilities {
  Support create_arguments = Support::no;  // takes words behind the UUID
  Support kernel_groups = Support::no;     // takes an IOMMU group to join, at creation or as an attribute
  bool online = false;           // devices go online, after all of a virtual machine's have been made
  bool online_together = false;  // by one command for all devices of a virtual machine
  bool numbered = false;         // several devices share a virtual machine's UUID, and have numbers
  bool functions = false;        // devices are set on PCI virtual functions, which are there all the time
  bool types_vanish = false;     // types that cannot be made now are not offered
  bool any_type = false;         // what it offers is told in a form that is not understood
  bool tells_type = true;        // a live device says of which type it is
  bool mdev_types = false;  // its types are folders in mdev_supported_types, as mdevctl and libvirt read them
};

struct NamedType {
  TypeName id;
  std::string name;  // the vendor's
};

// A PCI virtual function, which carries one device or none.
struct Function {
  std::string address;                 // 0000:41:00.4
  std::string path;                    // its folder below the root
  std::optional<TypeName> type{};      // what it carries
  std::vector<NamedType> creatable{};  // what can be set on it now
};

// A device that offers mediated devices.
struct Parent {
  ParentName name;
  std::string path;       // its folder below the root: sys/devices/pci0000:00/0000:00:02.0
  std::string dialect{};  // which shape of the kernel interface it speaks: "upstream"
  std::string home{};     // the folder in which its devices appear, below the root
  Capabilities capabilities{};
  std::optional<std::string> driver{};
  std::optional<std::string> pci_id{};  // vendor:device, "10de:13f2"
  std::optional<std::string> pci_subsystem{};
  std::optional<std::string> driver_version{};  // of its module
  std::vector<Type> types{};
  std::vector<Function> functions{};
  std::string notice{};      // why it offers less than it could
  std::string types_text{};  // what it says of its types, where that is not understood

  const Type* find_type(const std::string& id) const;
};

// A device node and who may open it.
struct Node {
  enum class Kind { group, cdev } kind;  // /dev/vfio/N, or the device's own (kernel 6.6 and later)
  std::string path;                      // /dev/vfio/7
  std::string owner;                     // user name, or number if it has none
  std::string group;                     // group name, or number
  std::uint32_t mode;                    // permission bits
};

// A process that has a device open.
struct Holder {
  int pid;
  std::string command;
  bool certain = true;  // no: it has some VFIO device open, which one the kernel does not tell
  bool operator==(const Holder&) const = default;
};

// A live mediated device.
struct Device {
  Uuid uuid;
  ParentName parent;
  std::optional<TypeName> type{};  // absent for a moment after creation and during a pending removal
  std::string path{};              // its folder below the root
  std::optional<std::string> driver{};
  std::optional<std::uint64_t> iommu_group{};
  std::vector<Node> nodes{};  // the group's first
  std::vector<Holder> holders{};
  bool busy = false;                     // somebody has it open, seen or not (only with Facet::busy)
  std::string name{};                    // what the kernel calls it, if that is not its UUID
  std::optional<bool> online{};          // absent: it has no such switch
  std::optional<std::uint64_t> units{};  // how many instances it is made of, where it says
  std::optional<Uuid> peers{};           // whom it shares peer-to-peer resources with
  std::optional<std::string> migration_version{};
  // Nobody said what its UUID is: it stands for the name. Set by somebody else than mdevadm.
  bool foreign = false;
  bool remembered = false;  // mdevadm keeps a record of it
  bool unfinished = false;  // its start has not come to its end

  // The name of its folder, in the kernel's lists too.
  std::string kernel_name() const { return name.empty() ? uuid.str() : name; }
  const Node* find_node(Node::Kind kind) const;
};

struct Snapshot {
  bool mdev_support = false;    // the kernel's mdev core is there, or something else that offers such devices
  std::vector<Parent> parents;  // sorted by name
  std::vector<Device> devices;  // sorted by parent, then UUID
  std::vector<Uuid> lost;       // devices that are remembered and are not there: removed, or never made
  std::vector<std::string> nameless;  // what the bus lists and calls by no UUID (only with Look::bus_only)
  std::size_t unseen_processes =
      0;  // processes whose open files could not be looked at (only with Facet::holders)

  const Parent* find_parent(const std::string& name) const;
  const Device* find_device(const Uuid& uuid) const;
  std::vector<std::string> parent_names() const;
};

}  // namespace mdevadm
