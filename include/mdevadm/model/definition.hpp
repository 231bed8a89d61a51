// The persistent definition of a device, from which it is created with the same UUID after every boot.
#pragma once

#include <cstdint>
#include <mdevadm/model/abi.hpp>
#include <mdevadm/model/names.hpp>
#include <mdevadm/util/compact.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mdevadm {

enum class StartMode { manual, automatic };

// Which store a definition is read from and written to.
enum class Origin { mdevadm, mdevctl };

// One value for one sysfs attribute of an active device. Attributes are written in order and a name may occur
// several times: vfio-ap takes one write to assign_adapter per adapter.
struct Attribute {
  AttributeName name;
  std::string value;
  bool operator==(const Attribute&) const = default;
};

// Returns whether the attribute assigns an adapter, domain or control domain to a vfio-ap device. Kernels
// with ap_config (6.10) accept several of these in one write.
bool assigns_queue(const Attribute& attribute);

// Returns the name of a file in the directory of the type if the attribute is written there, before the
// device is created: "vfg_id" for mdev_type/vfg_id, the path that leads from a device to its type.
std::optional<AttributeName> attribute_of_type(const Attribute& attribute);

// Returns whether the attribute is NVIDIA's vgpu_params. The driver drops the last byte of the written data,
// so a value without a final newline loses a character.
bool loses_last_byte(const Attribute& attribute);

// The create argument that contains the UUID of the virtual machine, for drivers that require it (NVIDIA's of
// 2016), and its value in the create arguments of a device.
inline constexpr const char* vm_argument = "vm_uuid=";
std::optional<std::string> vm_in(const std::string& create_args);

// Ownership and permissions of the device's VFIO nodes. Absent values stay as set by the kernel and udev.
struct NodePolicy {
  std::optional<std::string> owner;   // user name or ID
  std::optional<std::string> group;   // group name or ID
  std::optional<std::uint32_t> mode;  // permission bits
  std::optional<std::string> selinux_label{};
  bool operator==(const NodePolicy&) const = default;
};

// A host can have thousands: what few definitions have takes little space in the others.
struct Definition {
  Uuid uuid;
  ParentName parent;
  TypeName type;
  StartMode start = StartMode::manual;
  std::optional<Label> name{};
  std::optional<std::uint64_t> aggregate{};
  std::optional<std::string> create_args{};  // stored verbatim
  std::vector<Attribute> attributes{};
  Boxed<NodePolicy> node{};
  // The virtual function (VF) to use: an address, or "any" for the first free one at each start. Absent: the
  // first start chooses one and writes it here.
  std::optional<FunctionName> function{};
  std::optional<Abi> abi{};  // guest ABI recorded at definition
  // The file has adapters and domains of a vfio-ap device in the table [ap]. `attributes` has them, too, as
  // in_table_form() returns them.
  bool queue_table = false;
  // The directory of its file, if it is named after a VF of the parent and not after the parent, as mdevctl
  // writes it: mdevctl takes each VF for a parent.
  std::optional<ParentName> directory{};
  Origin origin = Origin::mdevadm;
  // The namespace of the host's description (model/host_file.hpp) from which it was created.
  std::optional<Uuid> applied_by{};

  bool operator==(const Definition&) const = default;

  // Returns the VF that is reserved for the device, or nullptr.
  const FunctionName* reserved_vf() const;
};

// Return the definition with the parent and VF that its file names, and the inverse: `of_directory()` is
// given the GPU of the VF.
Definition as_stored(Definition definition);
Definition of_directory(Definition stored, const ParentName& gpu);

// Returns the definition as mdevctl and libvirt have it: VFs are parents there, so that the parent is the VF
// if one is reserved.
Definition with_vf_as_parent(Definition definition);

// The value of Definition::function that reserves no VF.
inline constexpr const char* any_function = "any";

// A problem at a position in a file. Lines and columns count from 1; line 0 means the whole file.
struct FileProblem {
  std::string path;
  std::size_t line = 0;
  std::size_t column = 0;
  std::string message;
  std::string name{};    // of the device, if a definition that cannot be used says it
  std::string remedy{};  // the command that solves the problem, if there is one

  std::string str() const;  // "path:line:column: message"
};

// All definitions, with the problems found while reading them.
struct Definitions {
  std::vector<Definition> all;      // sorted by parent, then UUID
  std::vector<FileProblem> broken;  // ignored files
  std::vector<FileProblem>
      problems;  // warnings: unknown keys, repeated names, conflicts with mdevctl's files
  // VFs that no definition is given, by the settings of their parents (model/parent_settings.hpp).
  std::vector<std::pair<ParentName, FunctionName>> withheld{};
  // Settings of parents that cannot be used: which VFs they reserve is unknown. No parent: those of all.
  std::vector<std::pair<std::optional<ParentName>, FileProblem>> unknown_settings{};
  std::vector<ParentName> mixed{};  // GPUs whose settings let them mix framebuffer sizes

  // Returns why it is unknown which VFs of a parent are never assigned, or nullptr.
  const FileProblem* unknown_reservations(const ParentName& parent) const;
  // Returns whether a VF of a parent is never assigned.
  bool withholds(const ParentName& parent, const std::string& vf) const;
  // Returns the definitions with this UUID: several parents may define it, but only one device can be active.
  std::vector<const Definition*> find(const Uuid& uuid) const;
  const Definition* find(const Uuid& uuid, const ParentName& parent) const;
  // Returns the first definition with this name, or nullptr.
  const Definition* find_label(const Label& name) const;
};

}  // namespace mdevadm
