// The host: reads the state of mediated devices from sysfs and /dev below a root, and changes it.
#pragma once

#include <chrono>
#include <map>
#include <mdevadm/model/creation.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/host_facts.hpp>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/model/parent_state.hpp>
#include <mdevadm/model/record.hpp>
#include <mdevadm/model/settable_file.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/model/watch.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/sys/script.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// What observe() reads.
struct Scope {
  Facet facets = Facet::none;
  std::optional<std::vector<ParentName>>
      details_of;  // types and identity of these parents only; of the others only the names
  std::optional<std::vector<Uuid>> devices{};  // these devices only
  Records known{};                             // runtime records, for facts that the kernel does not report
  // UUIDs of definitions, sorted: an unmanaged device has none of them.
  std::vector<Uuid> defined{};
  bool bus_only = false;  // only devices that the mdev bus lists under their UUIDs
  bool removals = true;   // find pending removals
  bool raw = false;       // VFs that the kernel lists as parents are parents, as mdevctl sees them
  std::vector<std::string> addresses{};  // also searched as devices of the host, with any parent facet
  // false: do not search for parents other than `details_of`, unless one of them is missing and types are
  // read
  bool other_parents = true;
  bool candidates = false;  // also read devices of drivers without parents, which may become parents
  // Definitions, sorted: if all of them have an active device, other devices need not be read.
  const std::vector<Definition>* sufficient = nullptr;
  bool no_functions = false;  // no parent uses VFs, as has_functions() has found
};

// Result of a removal.
enum class Removal {
  done,     // the device no longer exists
  pending,  // the kernel has accepted the command and waits until the device is released
};

// One write to a file of sysfs.
struct Write {
  std::string path;     // with the root
  std::string value;    // without the final newline
  bool is_line = true;  // a newline is written after the value
};

// How a program is run.
struct ProgramOptions {
  std::chrono::milliseconds deadline;
  enum class OnInterrupt { continues, is_killed } on_interrupt = OnInterrupt::continues;
  bool plain_messages = false;  // its messages are read here: do not translate them
  std::string_view input{};     // of its standard input
};

// How a program ended, with the end of its output streams.
struct ProgramEnd : sys::ScriptEnd {
  bool succeeded() const { return how == How::exited && number == 0; }
  bool is_late() const { return how == How::timed_out || how == How::stuck; }
  // Returns "exit status 3: <last lines of its output>".
  std::string text() const;
};

// Reads attributes of active devices. Keeps the directory above the last device open: devices should follow
// each other by parent, because resolving a long path takes more time than reading an attribute.
class AttributeReader {
 public:
  // `root` must outlive the reader.
  explicit AttributeReader(const sys::Dir& root) : root_(root) {}

  // Adds the values of these attributes to Device::settings, unless they are unreadable; nullopt: the device
  // has no such attribute.
  void read(Device& device, const std::vector<Attribute>& wanted);

 private:
  bool is_lacking(const Device& device, const AttributeName& attribute) const;
  void note_lacking(const Device& device, const std::vector<Attribute>& wanted);

  const sys::Dir& root_;
  std::string path_{};  // of `above_`
  std::optional<sys::Dir> above_{};
  // Attributes that the devices of a type in `above_` lack, as far as is known: looking for them in each
  // device would be most of the cost.
  std::map<TypeName, std::vector<AttributeName>> lacking_{};
};

// Errors contain the reason only; the caller prepends the operation and the device.
class Host {
 public:
  // `root` must outlive the host.
  explicit Host(const sys::Dir& root) : root_(&root) {}

  // Reads the requested parts and no more. Devices and types that vanish during the read are omitted;
  // unreadable values are absent. Throws Error if the directories of the mdev bus itself cannot be read.
  Snapshot observe(const Scope& scope) const;

  // Returns whether any of these parents, or any parent at all, uses virtual functions (VFs). The kernel does
  // not report who owns a device on a VF; that takes the runtime records.
  bool has_functions(const std::optional<std::vector<ParentName>>& parents = std::nullopt) const;

  // Returns the GPU that is the parent instead of a virtual function, or of the device on it, given the
  // function's PCI address; nullopt if the name is not that of a VF.
  std::optional<ParentName> gpu_of(const ParentName& function) const;

  // Returns the inode number of a virtual function, which differs when it is enabled again; nullopt if there
  // is none with this address.
  std::optional<std::uint64_t> inode_of_function(const std::string& address) const;

  // Creates a device. Throws Error: conflict (the UUID exists), no_capacity, not_found (the parent or type no
  // longer exists), in_use (the device whose IOMMU group it was to join), failed.
  void create(const Creation& what) const;

  // Waits at most `patience` for the device's type and VFIO node. Returns false, without waiting for the
  // node, if the root has no /dev/vfio (in a container for example). Throws Error on timeout.
  bool wait_for_device(const Device& device, std::chrono::milliseconds patience) const;

  // Sets the number of aggregated instances of a new device if this is an attribute of the device, and
  // verifies the number if the device reports it. Throws Error.
  void aggregate(const Device& device, std::uint64_t units) const;

  // Makes the device share its IOMMU group with all devices that have this value of
  // peer_to_peer_resource_uuid. Returns false if the device has no such attribute (sharing not applicable).
  // Throws Error.
  bool join_peers(const Device& device, const Uuid& peers) const;

  // Sets the online state. Reads the current state first, because writing the same state fails. Throws Error.
  void set_online(const Device& device, bool online) const;

  // Writes one attribute of an active device with one write(2) of the value and a newline. Returns the value
  // read back without surrounding blanks, or nullopt if it is unreadable: a driver may store another value
  // than the one written. With `bare` nothing is read back and the newline is omitted, except for attributes
  // that satisfy loses_last_byte(). Throws Error: not_found (no such attribute), failed (refused).
  std::optional<std::string> write_attribute(const Device& device, const Attribute& attribute,
                                             bool bare = false) const;

  // Returns the value of an attribute of an active device without surrounding blanks; nullopt if it is
  // unreadable.
  std::optional<std::string> read_attribute(const Device& device, const AttributeName& name) const;
  // The reader must not outlive the root of the host.
  // Returns the files of an active device that its driver lets write, sorted; none of a vfio-ap device. Files
  // of the kernel's core, and those that definitions set by keys of their own, are not among them.
  std::vector<SettableFile> settable_files(const Device& device) const;

  AttributeReader attribute_reader() const { return AttributeReader(*root_); }

  // Assigns adapters and domains to a vfio-ap device: with one atomic write to ap_config if the kernel has
  // it; otherwise, or to find the one that is refused, one by one in order. Throws Error like
  // write_attribute().
  void assign_queues(const Device& device, const std::vector<Attribute>& attributes) const;

  // Returns the devices of the buses pci, css, ap and mdev that the name means: the device of this name and,
  // for a device number, its subchannel. A subchannel of this name has precedence.
  std::vector<HostDevice> observe_address(const std::string& name) const;
  // Returns names of devices of IBM Z that can become parents: matrix, and at most `most` I/O subchannels
  // whose channel device is offline.
  std::vector<std::string> possible_parents(std::size_t most) const;

  // Returns the PCI devices that are bound to one of these drivers.
  std::vector<std::string> devices_bound_to(const std::vector<std::string>& drivers) const;

  // Returns facts about the host as a whole.
  HostFacts observe_facts() const;

  // Returns the subchannel of a channel device, given its device number ("0.0.2b09"); nullopt if there is
  // none.
  std::optional<std::string> subchannel_of(const std::string& device_number) const;
  // Returns whether a subchannel of this name exists.
  bool has_subchannel(const std::string& name) const;

  // Returns the state of the AP bus, or nullopt if there is none. `with_bindings`: also the queues of
  // vfio_ap.
  std::optional<ApHost> observe_ap_bus(bool with_bindings = false) const;

  // Throws Error{failed} if an active vfio-ap device has other adapters, domains or control domains. Does
  // nothing if they cannot be read completely.
  void check_queues(const Device& device, const ApMatrix& expected) const;

  // Writes a file in the directory of a type. Throws Error; not_found: the type has no such file.
  void write_type_attribute(const ParentName& parent, const TypeName& type, const Attribute& attribute) const;

  // Sets owner, group, mode and SELinux label of the device's VFIO nodes, or of the one with the path `only`.
  // Throws Error.
  void own_node(const Device& device, const NodePolicy& policy, const std::string& only = {}) const;
  // Returns the SELinux label of a node; nullopt: it has none or cannot be read.
  std::optional<std::string> selinux_label(const Node& node) const;

  // Removes a device and waits at most `patience` until it is gone, even if the kernel blocks. Succeeds if
  // the device does not exist. Throws Error: in_use (the driver refuses), failed.
  Removal remove(const Device& device, std::chrono::milliseconds patience) const;

  // Return what create(), remove(), set_online() and write_attribute() would write first, without effect.
  // nullopt: nothing. Throw Error if the parent no longer exists, or if the operation would be refused.
  std::optional<Write> write_of_creation(const Creation& what) const;
  std::optional<Write> write_of_removal(const Device& device) const;
  std::optional<Write> write_of_online(const Device& device, bool online) const;
  Write write_of_attribute(const Device& device, const Attribute& attribute, bool bare = false) const;
  Write write_of_type_attribute(const ParentName& parent, const TypeName& type,
                                const Attribute& attribute) const;

  // Returns the current state of the device, or nullopt if it does not exist.
  std::optional<Device> observe_device(const Device& device) const;

  // Returns whether the directory of the device exists, as it does until a pending removal completes.
  bool has_directory(const Device& device) const { return root_->exists(device.path); }

  // Returns the inode number of the device's directory in sysfs, which the kernel does not reuse soon;
  // nullopt if the device does not exist.
  std::optional<std::uint64_t> inode_of(const Device& device) const;

  // Returns the device whose directory below the root is `path` and was created by the mdev core, with its
  // type and the paths of its nodes as far as they exist; nullopt if the directory does not exist, or if its
  // name is not a UUID.
  std::optional<WatchedDevice> device_at(const std::string& path) const;

  // Returns the processes that use these devices, without opening a node: that would disturb a virtual
  // machine that is just starting.
  DeviceUse find_use(const std::map<std::string, WatchedDevice>& devices) const;
  // Returns the number of processes of which the users of devices could not be found now.
  std::size_t unseen_processes() const;

  // Returns whether a process uses the device, without looking at processes: the kernel reports it for
  // devices with a VFIO group node; nullopt for others. Needs Facet::iommu_group.
  std::optional<bool> is_in_use(const Device& device) const;

  // Updates the processes that have the device open, like observe() with Facet::holders and Facet::busy.
  void find_users_of(Device& device) const;

  // Returns whether the driver accepts this migration_version for the type, by a write to the type's file
  // that has no side effects (patches by Yan Zhao, 2019); nullopt if the file does not exist.
  std::optional<bool> takes_migration_version(const ParentName& parent, const TypeName& type,
                                              const std::string& version) const;

  // Returns the state of a parent and its virtual functions (VFs), whichever driver it has; the second
  // function also finds the processes that have one of them, or a mediated device of a VF, open.
  ParentState observe_parent(const ParentName& name) const;
  ParentState observe_parent_with_users(const ParentName& name) const;

  // Binds a parent to a driver, away from pci-pf-stub if that has it. Throws Error: not_found (the driver is
  // not loaded; worth retrying), failed.
  void bind_parent(const ParentName& name, const std::string& driver) const;

  // Sets the number of VFs by one write to sriov_numvfs. Throws Error.
  void write_functions(const ParentState& parent, std::uint64_t number) const;
  Write write_of_functions(const ParentState& parent, std::uint64_t number) const;

  // Returns the processes that have the device node of an NVIDIA GPU open. Its driver does not release the
  // GPU while there are any.
  std::vector<Holder> find_clients_of(const ParentName& gpu) const;

  // Returns the path of NVIDIA's sriov-manage. Throws Error{not_found}.
  std::string path_of_sriov_manage() const;

  // Runs a program with its arguments, without a shell, in a process group of its own. A name without '/' is
  // searched in the usual directories for programs. Throws Error: not_found, failed (it cannot be executed,
  // or the root is not "/": the program would not see that root).
  ProgramEnd run_program(const Words& words, const ProgramOptions& options) const;
  // Returns whether run_program() finds the program. true if the root is not "/".
  bool has_program(const std::string& name) const;

 private:
  const sys::Dir* root_;
};

}  // namespace mdevadm
