// Contents of a simulated host, read from scenario files, mdevsim.toml(5).
#pragma once

#include <chrono>
#include <cstdint>
#include <mdevadm/plan/capacity.hpp>
#include <mdevadm/sim/vgpu.hpp>
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

// Layouts of the kernel interface. Interfaces with the same layout differ in the settings of Interface.
enum class Layout {
  typed,      // PARENT/mdev_supported_types/TYPE/create: proposal at KVM Forum 2016 to mainline
  flat,       // PARENT/mdev_create, the patches of 2016
  functions,  // SR-IOV virtual functions: with vGPUs of their own, as parents of mdevs, or plain
};

// Behaviour of the mdev core in the kernel versions where mainline changed it.
enum class Era {
  proposal,  // before 4.10
  v4_10,     // remove returns EBUSY for a device in use; no MDEV_STATE
  v5_2,      // remove blocks until the device is released
  v6_1,      // the core creates the attributes and counts instances; vfio-dev/
};

enum class CreateWords { none, group, instances, aggregate, any };
enum class Aggregation { none, at_create, attribute_rfc, attribute_v2, attribute_v3, type_file };

struct Interface {
  std::string_view id;  // "U4", the ID in scenarios
  Layout layout;
  Era era;
  CreateWords words = CreateWords::none;
  Aggregation aggregation = Aggregation::none;
  bool peer_attribute = false;     // K2's peer_to_peer_resource_uuid
  bool migration_version = false;  // V1
  unsigned revision = 0;           // of the flat layout: F0 to F3; of functions: N1 to N3, 0: plain
  bool is_proposal() const { return layout == Layout::typed && era == Era::proposal; }
};

// Returns nullptr if the ID is unknown.
const Interface* find_interface(std::string_view id);
std::vector<std::string> interface_ids();

enum class Arithmetic { homogeneous, nvidia, gvt, ports, memory, shared, ap, ccw, fixed };

struct SimType {
  std::string id;  // vendor's part of the ID: "17", "GVTg_V5_4"
  std::string name{};
  std::string description{};
  std::vector<std::pair<std::string, std::string>> properties{};  // in order
  std::uint64_t most = 0;                                         // maximum instances on an idle parent
  std::uint64_t aggregation = 0;                                  // most units per device; 0: no aggregation
};

struct PciIds {
  std::string vendor, device, subsystem_vendor, subsystem_device, revision, pci_class;
};

// A file that the driver creates in the directory of every device. "{uuid}" and "{property}" in its value are
// replaced by the device's UUID and the type's property of that name.
struct VendorAttribute {
  std::string name;
  std::string value;
  bool writable = false;
};

struct ApQueues {
  std::vector<unsigned> adapters, domains;  // present in the machine
  unsigned max_adapter = 255, max_domain = 255;
  // Adapters and domains in apmask and aqmask: queues with both numbers belong to the host.
  std::vector<unsigned> host_adapters, host_domains;
  std::vector<unsigned> control_domains{};  // that the machine may control
  std::string card = "CEX8C";               // type of all cards
  // What a program of the host writes to apmask and aqmask after the boot; empty: nothing.
  std::string late_apmask{}, late_aqmask{};
  std::chrono::milliseconds masks_after{0};
};

// A subchannel of IBM Z.
struct SubchannelSettings {
  unsigned type = 0;                                    // 0: I/O
  std::string device = "none";                          // device number: "0.0.2b09"
  std::string devtype = "3390/0c", cutype = "3990/e9";  // of the device
  std::string driver = "dasd-eckd";                     // of the device
  bool online = false;
  bool qdio = false;        // vfio_ccw refuses it
  bool operational = true;  // false: no path to the device
};

struct SimParent {
  std::string name;
  std::string bus = "virtual";  // virtual, pci, vfio_ap, css
  std::optional<PciIds> pci{};
  std::string driver{};
  std::string driver_version{};
  std::string device_api = "vfio-pci";
  const Interface* interface = nullptr;
  Arithmetic arithmetic = Arithmetic::fixed;
  plan::Capacity capacity{};  // in vendor type IDs, with nothing taken
  std::vector<SimType> types{};
  std::vector<VendorAttribute> attributes{};
  int errno_full = 0;               // 0: the known errno of the driver
  int errno_wrong_type = 0;         // 0: the known errno of the driver
  bool central_remove = false;      // K0: mdev_destroy in the parent instead of remove in the device
  bool accepts_same_state = false;  // F2: writing the present state to online succeeds
  bool hotplug = false;             // F2: devices may be created while others of their VM are online
  bool vm_uuid = false;             // flat: vm_uuid= is required
  std::optional<std::uint64_t> peer_budget{};
  std::vector<std::string> create_keys{};  // C0: keys supported by the driver
  std::string migration_version{};         // V1: the software version; empty: no migration
  std::uint64_t functions = 0;             // number of VFs that it supports
  std::uint64_t functions_enabled = 0;
  std::uint64_t first_function = 4;  // distance of the first VF from its physical function
  std::string function_id{};         // PCI device ID of the VFs
  std::optional<GpuModel> gpu{};     // N1, N3
  std::string bound{};               // the physical function's driver at the start; empty: none
  std::optional<std::chrono::milliseconds> vgpud{0};  // when the driver gets its types; nullopt: on request
  std::chrono::milliseconds linger{0};                // N1: how long a VF remains occupied after its release
  ApQueues ap{};
  SubchannelSettings subchannel{};
  bool has_switches = false;    // a PCI parent whose driver can be changed
  bool enable_gvt = true;       // i915.enable_gvt
  bool loaded = true;           // the module that registers the parent: vfio_ccw, kvmgt
  int errno_create = 0;         // of all creations, whatever available_instances reports
  bool ignores_create = false;  // a creation succeeds without effect

  std::string type_directory(const SimType& type) const;
  const SimType* find_type(std::string_view id) const;
};

struct SimDevice {
  std::string parent;
  std::string type;
  Uuid uuid;
  std::uint64_t units = 1;
};

// Operations for which faults and delays can be set.
enum class Operation { create, remove, attribute, online, join, read, mdev_type, functions, bind };

std::optional<Operation> find_operation(std::string_view name);

struct Fault {
  Operation at;
  std::uint64_t nth = 0;    // which operation of this kind, from 1; 0: every one
  int error = 0;            // 0 with `vanish`
  bool vanish = false;      // the parent disappears during the operation
  std::string attribute{};  // only this file; empty: any
};

struct Delay {
  Operation of;
  std::chrono::milliseconds time;
};

struct Scenario {
  std::string description{};
  KernelVersion kernel{6, 1};
  bool cdev = false;  // devices have VFIO device nodes below /dev/vfio/devices
  bool iommu = true;  // virtual functions without an IOMMU get no driver
  bool nodes = true;  // nodes can be opened; false: they are only numbers
  std::vector<SimParent> parents{};
  std::vector<SimDevice> devices{};
  std::vector<Fault> faults{};
  std::vector<Delay> delays{};
};

// Converts "ENOSPC" and the like; returns nullopt for an unknown name.
std::optional<int> find_errno(std::string_view name);

// Reads a scenario file. A path such as `types = "tables/m60.toml"` is relative to the file. Throws
// Error{failed} with file, line and column.
Scenario read_scenario(const std::string& path);

}  // namespace mdevadm::sim
