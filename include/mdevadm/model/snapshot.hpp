// What was seen of a host at one moment. Plain values; what was not asked for (model/facet.hpp) is absent.
#pragma once

#include <cstdint>
#include <mdevadm/model/names.hpp>
#include <mdevadm/model/property.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// One kind of device that a parent can make.
struct Type {
  TypeName id;
  std::optional<std::string> name{};         // the vendor's name: "GRID M60-4Q"
  std::optional<std::string> device_api{};   // vfio-pci, vfio-ccw, vfio-ap, vfio-platform
  std::optional<std::string> description{};  // as the driver wrote it, lines and all
  std::optional<std::uint64_t> available{};  // how many more can be made now
  std::vector<Property> properties{};        // parsed out of the description
};

// What a parent's kernel interface can do beyond plain create and remove. Nothing above host/ asks for more
// than this.
struct Capabilities {
  bool create_arguments = false;  // takes words behind the UUID
  bool aggregation = false;       // makes one device out of several instances
};

// A device that offers mediated devices.
struct Parent {
  ParentName name;
  std::string path;       // its folder below the root: sys/devices/pci0000:00/0000:00:02.0
  std::string dialect{};  // which shape of the kernel interface it speaks: "upstream"
  Capabilities capabilities{};
  std::optional<std::string> driver{};
  std::optional<std::string> pci_id{};  // vendor:device, "10de:13f2"
  std::vector<Type> types{};

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
  bool busy = false;  // somebody has it open, seen or not (only with Facet::busy)

  const Node* find_node(Node::Kind kind) const;
};

struct Snapshot {
  bool mdev_support = false;    // the kernel's mdev core is there
  std::vector<Parent> parents;  // sorted by name
  std::vector<Device> devices;  // sorted by parent, then UUID
  std::size_t unseen_processes =
      0;  // processes whose open files could not be looked at (only with Facet::holders)

  const Parent* find_parent(const std::string& name) const;
  const Device* find_device(const Uuid& uuid) const;
  std::vector<std::string> parent_names() const;
};

}  // namespace mdevadm
