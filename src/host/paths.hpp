// Where things are below the root, and how sysfs links lead there.
#pragma once

#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

inline constexpr const char* parents_folder = "sys/class/mdev_bus";
inline constexpr const char* devices_folder = "sys/bus/mdev/devices";
inline constexpr const char* vfio_folder = "dev/vfio";
// In the folder of a device that shares peer-to-peer resources with others; no other has it.
inline constexpr const char* peers_file = "peer_to_peer_resource_uuid";

std::string_view last_component(std::string_view path);
std::string_view folder_of(std::string_view path);

// Where a relative link that stands in `folder` leads, below the root. sysfs links are relative and run over
// folders only.
std::string resolve_link(std::string_view folder, std::string_view target);

// The last component of where a link points, or nothing if it cannot be read.
std::optional<std::string> link_name(const sys::Dir& folder, const std::string& name);

// dev/vfio/N
std::string group_node_path(std::uint64_t group);
// dev/vfio/devices/vfioN
std::string cdev_node_path(const std::string& name);
// The device's own VFIO character device (vfioN, kernel 6.6 and later; 6.1 has the folder without a node), if
// any.
std::optional<std::string> cdev_name(const sys::Dir& root, const std::string& device_path);

// Fills in who has the nodes of these devices open, by the nodes' device numbers: names mean nothing in
// containers. With Facet::busy also whether somebody has who is not found so; then whoever has any VFIO
// device open is named, as not certain. Returns the number of processes that could not be looked into.
std::size_t find_holders(const sys::Dir& root, std::vector<Device>& devices, Facet facets);

}  // namespace mdevadm
