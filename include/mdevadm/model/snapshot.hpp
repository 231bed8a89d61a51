// The state of a host, read at one moment. Plain values; what was not requested (model/facet.hpp) is absent.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/model/claim.hpp>
#include <mdevadm/model/host_device.hpp>
#include <mdevadm/model/names.hpp>
#include <mdevadm/model/pci.hpp>
#include <mdevadm/model/property.hpp>
#include <mdevadm/util/compact.hpp>
#include <mdevadm/util/holder.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Returns whether two names denote the same type: they are equal, or one is a plain number and the other ends
// in this number after the driver's name ("17" and "nvidia-17"), because the kernel interfaces differ in
// that.
bool same_type(std::string_view a, std::string_view b);

// An mdev type that a parent offers.
struct Type {
  TypeName id;
  std::optional<std::string> name{};         // vendor's name: "GRID M60-4Q"
  std::optional<std::string> device_api{};   // vfio-pci, vfio-ccw, vfio-ap, vfio-platform
  std::optional<std::string> description{};  // as written by the driver, may have several lines
  // Available instances: the number of further devices, or of further units if `most_units` is more than one.
  // With virtual functions it is an upper limit: the number of free VFs that accept the type.
  std::optional<std::uint64_t> available{};
  std::vector<Property> properties{};              // parsed from the description
  std::optional<std::uint64_t> maximum{};          // maximum instances on an idle parent
  std::optional<std::uint64_t> most_units{};       // most instances that one device can aggregate; absent: 1
  std::optional<std::string> migration_version{};  // of the host's driver, opaque (patches by Yan Zhao, 2019)
  // No VF lists it now, but with mixed sizes the driver may accept it; `available` is an upper limit
  // (limit_available()).
  bool hidden = false;
};

// Whether an interface supports a feature. Some interfaces reveal it only when it is tried.
enum class Support { no, yes, unknown };

// Features of a parent's kernel interface beyond plain create and remove. Layers above host/ depend on
// nothing else of the interface.
struct Capabilities {
  Support create_arguments = Support::no;  // accepts create arguments after the UUID
  Support kernel_groups = Support::no;     // accepts an IOMMU group, at creation or as an attribute
  bool online = false;           // devices are switched online after all devices of the VM have been created
  bool online_together = false;  // with one command for all devices of a VM
  bool numbered = false;         // devices share the UUID of their VM and have numbers
  bool functions = false;        // devices are placed on PCI virtual functions (VFs), one on each
  bool named_by_function = false;  // a device is a VF, and has its name
  bool types_vanish = false;       // types that cannot be created now are not listed
  bool any_type = false;           // the list of types has an unsupported format, so any type is accepted
  bool reports_type = true;        // sysfs shows the type of an active device
  bool mdev_types = false;  // types are directories in mdev_supported_types, as mdevctl and libvirt read them
};

struct NamedType {
  TypeName id;
  std::string name;  // vendor's name
};

// A PCI virtual function (VF), to which at most one device is assigned.
struct Function {
  std::string address;                 // 0000:41:00.4
  std::string path;                    // directory below the root
  std::optional<TypeName> type{};      // the assigned type
  std::vector<NamedType> creatable{};  // types that it accepts now
  // Whether it has the vGPU interface and its type can be read. If not, it takes no device.
  bool usable = true;
  std::optional<std::string> driver{};  // bound to it; read if it is not usable
  // What it has refused, although the GPU had room: "type 1150 (Input/output error)". Empty: nothing
  // (observe_host()).
  std::string refused{};
};

// A parent device: the physical device that offers mediated devices.
struct Parent {
  ParentName name;
  std::string path;          // directory below the root: sys/devices/pci0000:00/0000:00:02.0
  std::string interface {};  // variant of the kernel interface: "upstream"
  std::string home{};        // directory in which its devices appear, below the root
  Capabilities capabilities{};
  std::optional<std::string> driver{};
  std::optional<std::string> pci_id{};  // vendor:device, "10de:13f2"
  std::optional<std::string> pci_subsystem{};
  std::optional<std::string> driver_version{};  // version of the driver's module
  std::vector<Type> types{};
  // Types that it supports but does not list at the moment (Capabilities::types_vanish), with no available
  // instances, as far as NVIDIA's table of vGPU types has them. Read with Facet::type_name.
  std::vector<Type> unlisted{};
  // Types of the table that the present MIG mode of the GPU excludes. Read with Facet::type_name.
  std::vector<NamedType> excluded{};
  std::string table_problem{};  // why that table could not be used; empty if it was not needed
  std::vector<Function> functions{};
  std::vector<std::string> future_functions{};  // addresses that they will have, if none is enabled
  std::uint64_t supported_functions = 0;        // how many can be enabled; 0: unknown
  std::string notice{};                         // why it offers fewer types than it could
  bool without_iommu = false;      // it has VFs, but no IOMMU group: NVIDIA's driver does not bind them then
  bool enables_functions = false;  // its settings enable its VFs (observe_host())
  std::string types_text{};        // its list of types if the format is unsupported

  // Returns the listed type with this ID.
  const Type* find_type(const std::string& id) const;
  // Returns the listed and the unlisted types, in natural order of their IDs.
  std::vector<const Type*> all_types() const;
};

// A VFIO node with its ownership and permissions.
struct Node {
  enum class Kind { group, cdev } kind;        // /dev/vfio/N, or the VFIO device node (kernel 6.6 and later)
  std::string path;                            // /dev/vfio/7
  std::string owner;                           // user name, or ID if it has no name
  std::string group;                           // group name, or ID
  std::uint32_t mode;                          // permission bits
  std::uint32_t user_id = 0;                   // of owner
  std::uint32_t group_id = 0;                  // of group
  std::optional<std::string> selinux_label{};  // if a policy sets one (observe_settings_of()) and if readable
};

// How the queues of an active vfio-ap device are changed.
enum class QueueChanges : std::uint8_t {
  idle,    // one by one, while no guest uses the device (before Linux 6.0)
  single,  // one by one, also of a running guest
  atomic,  // all with one write to ap_config (Linux 6.10 and later)
};

// The directory of a device, below the root. Thousands of devices share the path of the directory above it.
class DevicePath {
 public:
  DevicePath() = default;
  DevicePath(std::string path);
  DevicePath(const char* path) : DevicePath(std::string(path)) {}
  // The directory that has the UUID as name.
  DevicePath(SharedText above, const Uuid& uuid);

  std::string str() const;
  operator std::string() const { return str(); }
  bool operator==(std::string_view other) const { return str() == other; }

 private:
  SharedText text_;  // of the directory above, or of the whole path if `uuid_` is nil
  Uuid uuid_{};
};

// Settings of an active device that its definition sets, as observe_settings_of() reads them.
struct PresentSettings {
  // Values of attributes, if readable, without surrounding blanks; nullopt: the device has no such attribute.
  std::map<std::string, std::optional<std::string>> attributes{};
  // IDs of the accounts in the policy for its nodes, as far as they exist and are not the names of the
  // nodes' owners: "user qemu", "group kvm".
  std::map<std::string, std::uint32_t> accounts{};
};

// An active mediated device. A host can have thousands: what few devices have takes little space in the
// others.
struct Device {
  Uuid uuid;
  ParentName parent;
  std::optional<TypeName> type{};  // absent briefly after creation and while a removal is pending
  DevicePath path{};
  SharedText driver{};
  std::optional<std::uint64_t> iommu_group{};
  RareList<Node> nodes{};  // group node first
  // Device number of the device's own VFIO node (only with Facet::nodes or Facet::holders). Linux 6.6 and
  // later remove the node when a removal begins; processes that have it open are found by this number until
  // they close it.
  Boxed<std::uint64_t> own_node{};
  RareList<Holder> holders{};
  RareText name{};               // kernel name if it is not the UUID
  RareText vf{};                 // address of the virtual function that it is on; empty: on none
  Boxed<std::uint64_t> units{};  // number of aggregated instances, if reported
  Boxed<Uuid> peers{};           // UUID of its peer-to-peer set
  // Adapters and domains of a vfio-ap device; absent if they cannot be read completely.
  Boxed<ApMatrix> queues{};
  Boxed<PresentSettings> settings{};
  // Duration of its start, from the runtime record, in milliseconds.
  std::optional<std::chrono::duration<std::uint32_t, std::milli>> start_took{};
  QueueChanges queue_changes = QueueChanges::idle;
  bool queues_unreadable = false;  // reading them failed, or their list is cut
  std::optional<bool> online{};    // absent: it has no online switch
  bool busy : 1 = false;           // some process has it open, visible or not (requires Facet::busy)
  // Unmanaged: another program assigned it to a VF, or its runtime record is lost. Its UUID is derived from
  // the VF's address (version 5), and is not that of a definition.
  bool unmanaged : 1 = false;
  bool removing : 1 = false;    // its removal is pending until it is closed (Snapshot::removing)
  bool has_record : 1 = false;  // a runtime record of it exists
  bool unfinished : 1 = false;  // its start has not completed

  // Returns the name of its directory, which is also its name on the bus.
  std::string kernel_name() const { return name.empty() ? uuid.str() : name.str(); }
  const Node* find_node(Node::Kind kind) const;
};

// The observed state of a host.
struct Snapshot {
  bool mdev_support = false;    // the mdev core is loaded, or an interface that works without it is present
  std::vector<Parent> parents;  // sorted by name
  std::vector<Device> devices;  // sorted by parent, then UUID
  // Devices whose removal is pending: no longer on the bus, but in use; UUID and instances remain taken.
  // Sorted by parent, then UUID. The type is known if there is a runtime record.
  std::vector<Device> removing{};
  // GPUs of NVIDIA, read with Facet::gpus, and if a requested parent was not found or offers no types.
  std::vector<GpuFunction> gpus{};
  // Devices of the host that requested names mean (Scope::details_of, Scope::addresses), by name, unless they
  // are parents that offer types. A name that is not among the keys was not searched; without devices: it
  // does not exist.
  std::map<std::string, std::vector<HostDevice>> host_devices{};
  // VFs that were searched for devices, free or not: address and parent (Facet::devices, if no devices are
  // selected).
  std::map<std::string, ParentName> functions{};
  std::optional<ApHost> ap{};  // Facet::ap_bus, if there is one
  // Claims of active devices and of those whose removal is pending (Facet::claims). A claim of an earlier
  // device is not among them.
  Claims claims{};
  std::vector<Uuid> lost;             // stale records: the device was removed or never created
  std::vector<std::string> nameless;  // entries of the bus without a UUID as name (Scope::bus_only)
  std::size_t unseen_processes = 0;   // processes that could not be inspected (Facet::holders)
  // Processes that have a VFIO device open, but the kernel does not report which one (Facet::holders).
  std::size_t vague_users = 0;

  const Parent* find_parent(const std::string& name) const;
  const Device* find_device(const Uuid& uuid) const;
  const Device* find_removing(const Uuid& uuid) const;
  std::vector<std::string> parent_names() const;
};

}  // namespace mdevadm
