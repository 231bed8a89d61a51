// The machine: what its kernel offers and has, and the few ways to change that. Everything is read from and
// written to sysfs and /dev below a root.
#pragma once

#include <chrono>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <optional>
#include <string>

namespace mdevadm {

// What one look at the host should find out.
struct Look {
  Facet facets = Facet::none;
  std::optional<std::vector<ParentName>>
      details_of;                            // types and identity of these parents only, the others by name
  std::optional<std::vector<Uuid>> devices;  // these devices only
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

  // Makes a device by one write to the type's `create`. Throws Error: conflict (the UUID exists),
  // no_capacity, not_found (the parent or type is gone), failed.
  void create(const ParentName& parent, const TypeName& type, const Uuid& uuid) const;

  // Waits until the device's type and VFIO node can be seen, at most `patience`. Where the root has no
  // /dev/vfio (a container, say) the node is not waited for, and the answer is false. Throws Error if they do
  // not come.
  bool wait_for_device(const Uuid& uuid, std::chrono::milliseconds patience) const;

  // Writes one attribute of a live device, by one write(2) of the value and a newline. Throws Error:
  // not_found (no such attribute), failed (refused).
  void write_attribute(const Uuid& uuid, const Attribute& attribute) const;

  // Gives the device's VFIO nodes to whom the policy says. Throws Error.
  void own_node(const Uuid& uuid, const NodePolicy& policy) const;

  // Removes a device and waits at most `patience` for it to be gone; never longer, whatever the kernel does.
  // Gone already is success. Throws Error: in_use (the driver refuses), failed.
  Removal remove(const Device& device, std::chrono::milliseconds patience) const;

  // Fills in who has the device open now, as observe() does with Facet::holders and Facet::busy.
  void look_who_holds(Device& device) const;

 private:
  const sys::Dir* root_;
};

}  // namespace mdevadm
