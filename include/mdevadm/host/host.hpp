// The machine: what its kernel offers and has, and the few ways to change that. Everything is read from and
// written to sysfs and /dev below a root.
#pragma once

#include <chrono>
#include <mdevadm/model/creation.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/record.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <optional>
#include <string>

namespace mdevadm {

// What one look at the host should find out.
struct Look {
  Facet facets = Facet::none;
  std::optional<std::vector<ParentName>>
      details_of;                              // types and identity of these parents only, the others by name
  std::optional<std::vector<Uuid>> devices{};  // these devices only
  Records known{};            // what is remembered of devices, for what the kernel does not tell
  bool bus_only = false;      // devices that the bus lists under their UUIDs, and no others
  bool other_parents = true;  // no: those beside `details_of` are not looked for at all
};

// How a removal ended.
enum class Removal {
  done,     // the device is gone
  pending,  // the kernel has taken the command and waits for somebody to close the device
};

// The Errors of the effects say why not; what was wanted, and for which device, the caller adds.
class Host {
 public:
  // `root` must outlive the host.
  explicit Host(const sys::Dir& root) : root_(&root) {}

  // Reads what is asked for and no more. Devices and types that vanish while being read are left out; what
  // cannot be read is absent. Throws Error if the folders of the mdev bus themselves cannot be read.
  Snapshot observe(const Look& look) const;

  // Whether there are devices that are set on virtual functions, or could be, on one of these parents or on
  // any: whose they are, the kernel does not tell.
  bool has_functions(const std::optional<std::vector<ParentName>>& parents = std::nullopt) const;

  // Makes a device. Throws Error: conflict (the UUID exists), no_capacity, not_found (the parent or type is
  // gone), in_use (whom it was to join), failed.
  void create(const Creation& what) const;

  // Waits until the device's type and VFIO node can be seen, at most `patience`. Where the root has no
  // /dev/vfio (a container, say) the node is not waited for, and the answer is false. Throws Error if they do
  // not come.
  bool wait_for_device(const Device& device, std::chrono::milliseconds patience) const;

  // Makes a new device one of so many instances where that is an attribute of the device, and sees that it is
  // so wherever the device says. Throws Error.
  void aggregate(const Device& device, std::uint64_t units) const;

  // Makes the device share its IOMMU group with all that have this value of peer_to_peer_resource_uuid. False
  // if it has no such attribute, so that it needs no such thing. Throws Error.
  bool join_peers(const Device& device, const Uuid& peers) const;

  // Brings it online or takes it offline; asks first, as the state that it has is refused. Throws Error.
  void set_online(const Device& device, bool online) const;

  // Writes one attribute of a live device, by one write(2) of the value and a newline. Throws Error:
  // not_found (no such attribute), failed (refused). The answer is what the attribute reads then, without
  // blanks around it, where it can be read: a driver may store what it likes. `bare`: without the newline,
  // and nothing is read.
  std::optional<std::string> write_attribute(const Device& device, const Attribute& attribute,
                                             bool bare = false) const;

  // Gives a vfio-ap device several adapters and domains: by one write to ap_config where the kernel has it,
  // all or none; else, and to find out which is refused, one by one in order. Throws Error as
  // write_attribute.
  void assign_queues(const Device& device, const std::vector<Attribute>& attributes) const;

  // Gives the device's VFIO nodes to whom the policy says. Throws Error.
  void own_node(const Device& device, const NodePolicy& policy) const;

  // Removes a device and waits at most `patience` for it to be gone; never longer, whatever the kernel does.
  // Gone already is success. Throws Error: in_use (the driver refuses), failed.
  Removal remove(const Device& device, std::chrono::milliseconds patience) const;

  // Whether the device exists and what it is now; absent if it does not.
  std::optional<Device> look_at(const Device& device) const;

  // Fills in who has the device open now, as observe() does with Facet::holders and Facet::busy.
  void look_who_holds(Device& device) const;

  // Whether the driver takes this migration_version for the type: a write to the type's file, which changes
  // nothing (Yan Zhao's patches). Nothing where there is no such file.
  std::optional<bool> takes_migration_version(const ParentName& parent, const TypeName& type,
                                              const std::string& version) const;

 private:
  const sys::Dir* root_;
};

}  // namespace mdevadm
