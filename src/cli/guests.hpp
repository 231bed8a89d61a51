// Arguments that are devices or groups for virtual machines.
#pragma once

#include <mdevadm/model/group.hpp>
#include <mdevadm/model/guest.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <vector>

#include "context.hpp"

namespace mdevadm::cli {

// Returns the group of this name, or nullptr. Throws Error{conflict} if a device has the same name: nothing
// says which is meant.
const Group* group_meant_by(const std::string& word, const Groups& groups, const Definitions& defined,
                            const std::string& doing);

// Devices with the state of the host in which they were found.
struct GuestTargets {
  Snapshot seen;
  Definitions defined;
  GuestDevices devices;
  std::optional<Error> vm_conflict{};  // groups with different vm_uuid: they are not for one virtual machine
};

// Returns the devices that the words mean: devices, and the members of groups in their order, each once.
// `more`: facets beyond guest_facets. Throws Error: that of the first word that means none, conflict if a
// word is the name of both a device and a group.
GuestTargets guest_targets(Context& context, const std::vector<std::string>& words, const std::string& verb,
                           Facet more = Facet::none);

// Throws Error{failed} if QEMU cannot use iommufd for the devices. `seen`: with the nodes of those that are
// active.
void require_iommufd(const Context& context, const Snapshot& seen, const std::vector<GuestDevice>& devices,
                     const std::string& doing);

}  // namespace mdevadm::cli
