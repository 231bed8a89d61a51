// What of a host is worth looking at. Each facet costs system calls; who looks names those it will show or
// decide by.
#pragma once

#include <cstdint>

namespace mdevadm {

enum class Facet : std::uint32_t {
  none = 0,
  devices = 1U << 0U,      // the live devices, with parent and type: two readlinks each
  iommu_group = 1U << 1U,  // one readlink a device
  driver = 1U << 2U,       // one readlink a device
  nodes = 1U << 3U,        // group and cdev node of each device, with owner and mode
  holders = 1U << 4U,      // who has the nodes open: a walk over /proc
  busy = 1U << 5U,         // whether somebody whom that walk cannot see has: opens the node for an instant
  parents = 1U << 6U,      // the parents: one readlink each
  parent_identity = 1U << 7U,  // driver and PCI ids of each parent
  types = 1U << 8U,            // the types of each parent, by name only
  available = 1U << 9U,        // one read a type each, from here ...
  device_api = 1U << 10U,
  type_name = 1U << 11U,
  description = 1U << 12U,
  aggregation = 1U << 13U,
  migration_version = 1U << 14U,  // ... to here; and one a device
  units = 1U << 15U,              // up to three reads a device
  online = 1U << 16U,             // one read a device whose parent has such a switch
  peers = 1U << 17U,              // one read a device
};

constexpr Facet operator|(Facet a, Facet b) {
  return static_cast<Facet>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

constexpr Facet& operator|=(Facet& a, Facet b) {
  return a = a | b;
}

// Whether `set` holds all of `wanted`.
constexpr bool has(Facet set, Facet wanted) {
  return (static_cast<std::uint32_t>(set) & static_cast<std::uint32_t>(wanted)) ==
         static_cast<std::uint32_t>(wanted);
}

// Whether `set` holds any of `wanted`.
constexpr bool has_any(Facet set, Facet wanted) {
  return (static_cast<std::uint32_t>(set) & static_cast<std::uint32_t>(wanted)) != 0;
}

// What reading a type, a parent or a device at all is implied by.
constexpr Facet type_facets = Facet::types | Facet::available | Facet::device_api | Facet::type_name |
                              Facet::description | Facet::aggregation | Facet::migration_version;
constexpr Facet parent_facets = type_facets | Facet::parents | Facet::parent_identity;
constexpr Facet device_facets = Facet::devices | Facet::iommu_group | Facet::driver | Facet::nodes |
                                Facet::holders | Facet::busy | Facet::units | Facet::online | Facet::peers;

}  // namespace mdevadm
