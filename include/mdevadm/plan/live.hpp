// Planning of changes to an active device. Pure functions; throw Error if not possible.
#pragma once

#include <mdevadm/model/facet.hpp>
#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/plan.hpp>
#include <optional>

namespace mdevadm {

// Facets of the parent that are required. Users of a vfio-ap device must be known, too (Device::busy), and
// the present values of attributes, as far as they can be read (Device::attributes).
inline constexpr Facet facets_to_modify_live =
    facets_to_define | Facet::nodes | Facet::units | Facet::ap_bindings | Facet::claims;

struct LiveRequest {
  const Device* device;
  const Definition* definition;  // nullptr: there is none
  ModifyRequest change{};
  std::optional<NodePolicy> node{};      // the changes of owner and mode of the VFIO nodes
  std::optional<NodePolicy> of_group{};  // settings that the definition lacks
  bool changes_definition = false;       // also change the definition, when the device has been changed
  bool forced = false;                   // accept queues that are not bound to vfio_ap
  bool spares_users = false;             // take no queues from a device in use or claimed
  const Claim* claim = nullptr;          // of the device, if it is claimed
};

// Plans to change the queues, attributes and VFIO nodes of an active device; without any change in the
// request to what its definition says. Each step is undone if a later one fails, except writes to attributes
// that cannot be read. Throws Error: conflict (a queue is reserved or another device has it, or settings of
// the definition differ that an active device cannot change), in_use (the kernel does not change the queues
// of a device in use), not_found (without definition there is nothing to apply), failed.
Job plan_modify_live(const Snapshot& seen, const Definitions& defined, const LiveRequest& request);

// Adds the changes to a request that make the definition of an active device as the device is, as far as
// that was read (drift_of()).
ModifyRequest as_active(const Snapshot& seen, const Device& device, const Definition& definition,
                        const std::optional<NodePolicy>& of_group, ModifyRequest request);

}  // namespace mdevadm
