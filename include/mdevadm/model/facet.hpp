// Parts of the host state to read. Each facet costs system calls; callers request only what they use.
#pragma once

#include <cstdint>

namespace mdevadm {

enum class Facet : std::uint32_t {
  none = 0,
  devices = 1U << 0U,      // active devices with parent and type: at most two readlinks each
  iommu_group = 1U << 1U,  // one readlink per device
  driver = 1U << 2U,       // one readlink per device
  nodes = 1U << 3U,        // VFIO group and device node of each device, with owner and mode
  holders = 1U << 4U,      // processes that have the nodes open: a walk over /proc
  busy = 1U << 5U,     // whether a process that the walk cannot see has a node open: opens the node briefly
  parents = 1U << 6U,  // the parents: one readlink each
  parent_identity = 1U << 7U,  // driver and PCI IDs of each parent
  types = 1U << 8U,            // types of each parent, names only
  available = 1U << 9U,        // one read per type each, from here ...
  device_api = 1U << 10U,
  type_name = 1U << 11U,
  description = 1U << 12U,
  aggregation = 1U << 13U,
  migration_version = 1U << 14U,  // ... to here; this one also one per device
  units = 1U << 15U,              // up to three reads per device
  online = 1U << 16U,             // one read per device whose parent has an online switch
  peers = 1U << 17U,              // one read per device
  gpus = 1U << 18U,               // GPUs that could offer types, also beside parents: one read per PCI device
  queues = 1U << 19U,             // up to three reads per device of vfio-ap
  ap_bus = 1U << 20U,             // the AP bus: seven reads; later than Linux 6.18 one more per queue
  ap_bindings = 1U << 21U,        // with ap_bus: the queues that are bound to vfio_ap
  claims = 1U << 22U,             // claims in /run: one read and one stat per claim
};

constexpr Facet operator|(Facet a, Facet b) {
  return static_cast<Facet>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

constexpr Facet& operator|=(Facet& a, Facet b) {
  return a = a | b;
}

// Returns whether `set` contains all facets of `wanted`.
constexpr bool has(Facet set, Facet wanted) {
  return (static_cast<std::uint32_t>(set) & static_cast<std::uint32_t>(wanted)) ==
         static_cast<std::uint32_t>(wanted);
}

// Returns whether `set` contains any facet of `wanted`.
constexpr bool has_any(Facet set, Facet wanted) {
  return (static_cast<std::uint32_t>(set) & static_cast<std::uint32_t>(wanted)) != 0;
}

// Facets that require reading types, parents or devices.
constexpr Facet type_facets = Facet::types | Facet::available | Facet::device_api | Facet::type_name |
                              Facet::description | Facet::aggregation | Facet::migration_version;
constexpr Facet parent_facets = type_facets | Facet::parents | Facet::parent_identity;
constexpr Facet device_facets = Facet::devices | Facet::iommu_group | Facet::driver | Facet::nodes |
                                Facet::holders | Facet::busy | Facet::units | Facet::online | Facet::peers |
                                Facet::queues | Facet::claims;

}  // namespace mdevadm
