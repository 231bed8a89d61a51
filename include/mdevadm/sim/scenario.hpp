// What a simulated host is made of, and the files that say so. mdevsim.toml(5) describes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <mdevadm/plan/capacity.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mdevadm::sim {

struct KernelVersion {
  unsigned major_number;
  unsigned minor_number;
  auto operator<=>(const KernelVersion&) const = default;
};

// The shapes of the kernel's interface. What they have in common is told apart by the settings of Dialect.
enum class Layout {
  typed,      // PARENT/mdev_supported_types/TYPE/create, from the KVM Forum's proposal to mainline
  flat,       // PARENT/mdev_create, the patches of 2016
  functions,  // no mdev: vGPUs on SR-IOV virtual functions
};

// How the core of a kernel behaves where mainline changed.
enum class Era {
  proposal,  // before 4.10
  v4_10,     // remove answers EBUSY for a device in use; no MDEV_STATE
  v5_2,      // remove waits until nobody uses the device
  v6_1,      // the core makes the attributes and counts instances; vfio-dev/
};

enum class CreateWords { none, group, instances, aggregate, any };
enum class Aggregation { none, at_create, attribute_rfc, attribute_v2, attribute_v3, type_file };

struct Dialect {
  std::string_view id;  // "U4", as scenarios spell it
  Layout layout;
  Era era;
  CreateWords words = CreateWords::none;
  Aggregation aggregation = Aggregation::none;
  bool peer_attribute = false;     // K2's peer_to_peer_resource_uuid
  bool migration_version = false;  // V1
  unsigned revision = 0;           // of the flat layout: F0 to F3; of functions: N1, N2
  bool is_proposal() const { return layout == Layout::typed && era == Era::proposal; }
};

// nullptr for a word that is none.
const Dialect* find_dialect(std::string_view id);
std::vector<std::string> dialect_ids();

enum class Arithmetic { homogeneous, gvt, ports, memory, shared, ap, ccw, fixed };

struct SimType {
  std::string id;  // the vendor's part: "17", "GVTg_V5_4"
  std::string name{};
  std::string description{};
  std::vector<std::pair<std::string, std::string>> properties{};  // in order
  std::uint64_t most = 0;                                         // on an idle parent
  std::uint64_t aggregation = 0;                                  // units that one device may have; 0: none
};

struct PciIds {
  std::string vendor, device, subsystem_vendor, subsystem_device, revision, pci_class;
};

// A file in every device's folder that the driver makes. "{uuid}" and "{property}" in its value stand for the
// device's UUID and the type's property of that name.
struct VendorAttribute {
  std::string name;
  std::string value;
  bool writable = false;
};

struct ApQueues {
  std::vector<unsigned> adapters, domains;  // that the machine has
  unsigned max_adapter = 255, max_domain = 255;
  // Adapters and domains in apmask and aqmask: queues of both stay the host's.
  std::vector<unsigned> host_adapters, host_domains;
};

struct SimParent {
  std::string name;
  std::string bus = "virtual";  // virtual, pci, vfio_ap, css
  std::optional<PciIds> pci{};
  std::string driver{};
  std::string driver_version{};
  std::string device_api = "vfio-pci";
  const Dialect* dialect = nullptr;
  Arithmetic arithmetic = Arithmetic::fixed;
  plan::Capacity capacity{};  // in vendor type ids, nothing taken
  std::vector<SimType> types{};
  std::vector<VendorAttribute> attributes{};
  int errno_full = 0;               // 0: what the driver is known to answer
  int errno_wrong_type = 0;         //
  bool central_remove = false;      // K0: mdev_destroy in the parent instead of remove in the device
  bool accepts_same_state = false;  // F2: online takes the state it has
  bool hotplug = false;             // F2: devices may be made while others of their VM are online
  bool vm_uuid = false;             // flat: vm_uuid= is needed
  std::optional<std::uint64_t> peer_budget{};
  std::vector<std::string> create_keys{};  // C0: what the driver understands
  std::string migration_version{};         // V1: the software version, empty: cannot migrate
  std::uint64_t functions = 0;             // virtual functions it can have
  std::uint64_t functions_enabled = 0;
  std::chrono::milliseconds linger{0};  // N1: how long a function stays taken after its user has gone
  ApQueues ap{};

  std::string type_folder(const SimType& type) const;
  const SimType* find_type(std::string_view id) const;
};

struct SimDevice {
  std::string parent;
  std::string type;
  Uuid uuid;
  std::uint64_t units = 1;
};

// What an operation is, for faults and delays.
enum class Operation { create, remove, attribute, online, join, read, mdev_type };

std::optional<Operation> find_operation(std::string_view name);

struct Fault {
  Operation at;
  std::uint64_t nth = 0;    // of its kind, from 1; 0: every one
  int error = 0;            // 0 with `vanish`
  bool vanish = false;      // the parent goes in the middle of it
  std::string attribute{};  // only this file; empty: any
};

struct Delay {
  Operation of;
  std::chrono::milliseconds time;
};

struct Scenario {
  std::string description{};
  KernelVersion kernel{6, 1};
  bool cdev = false;  // devices have nodes of their own below /dev/vfio/devices
  bool nodes = true;  // nodes can be opened; without, they are only numbers
  std::vector<SimParent> parents{};
  std::vector<SimDevice> devices{};
  std::vector<Fault> faults{};
  std::vector<Delay> delays{};
};

// "ENOSPC" and the like; nullopt for a word that is none.
std::optional<int> find_errno(std::string_view name);

// Reads a scenario file. `types = "tables/m60.toml"` is relative to it. Throws Error{failed} with file, line
// and column.
Scenario read_scenario(const std::string& path);

}  // namespace mdevadm::sim
