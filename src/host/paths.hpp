// Paths below the root, and resolution of sysfs links.
#pragma once

#include <cerrno>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/sys/file_lock.hpp>
#include <mdevadm/sys/read_failure.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

inline constexpr const char* parents_directory = "sys/class/mdev_bus";
inline constexpr const char* devices_directory = "sys/bus/mdev/devices";
inline constexpr const char* vfio_directory = "dev/vfio";
// What the link of a descriptor in /proc/PID/fd shows for an open VFIO device.
inline constexpr std::string_view vfio_device_link = "anon_inode:[vfio-device]";
// Exists only in directories of devices that can share peer-to-peer resources.
inline constexpr const char* peers_file = "peer_to_peer_resource_uuid";

// Returns the inode number of the link to a PCI function, which the kernel creates with the function; numbers
// are not used again (idr_alloc_cyclic() in fs/kernfs/dir.c).
std::optional<std::uint64_t> inode_of_function(const sys::Dir& root, const std::string& address);

std::string_view last_component(std::string_view path);
std::string_view directory_of(std::string_view path);

// Returns the target of a relative link in `directory` as a path below the root. sysfs links are relative and
// lead through directories only; for others, which a copied tree may have, the result is empty.
std::string resolve_link(std::string_view directory, std::string_view target);

// Returns the result, also if the object cannot be opened or read. Throws Error if the process lacks memory
// or descriptors: the object would be taken for absent.
template <typename T>
sys::Result<T> checked(sys::Result<T> result) {
  const int number = result ? 0 : result.error().number;
  if (number == EMFILE || number == ENFILE || number == ENOMEM) {
    sys::throw_error(result.error(), fmt::format("cannot read '{}'", result.error().path));
  }
  return result;
}

// Like checked(), for directories and links, which the kernel makes itself: also throws Error if they cannot
// be read, because the objects would be taken for absent. `doing`: the operation without the path.
template <typename T>
sys::Result<T> answered(sys::Result<T> result, std::string_view doing = "cannot read") {
  if (!result && sys::is_read_failure(result.error().number)) {
    sys::throw_error(result.error(), fmt::format("{} '{}'", doing, result.error().path));
  }
  return checked(std::move(result));
}

// Returns the last component of a link's target, or nullopt if the link cannot be read.
std::optional<std::string> link_name(const sys::Dir& directory, const std::string& name);

// dev/vfio/N
std::string group_node_path(std::uint64_t group);
// dev/vfio/devices, and dev/vfio/devices/vfioN
std::string cdev_directory();
std::string cdev_node_path(const std::string& name);
// Returns the name of the VFIO device node (vfioN) of the device at this path below the directory, if any.
// Since kernel 6.6 the node exists; 6.1 has the directory without a node.
std::optional<std::string> cdev_name(const sys::Dir& directory, std::string_view device);

// Returns the device number of a node; nullopt if there is none, or another kind of file.
std::optional<dev_t> node_number(const sys::Dir& root, const std::string& path);

// Serializes checks that open nodes: concurrent checks, and searches for users, would mistake them for users
// of the device. Waits some seconds; if the lock is not available, the check is done without it.
std::optional<sys::FileLock> lock_of_checks(const sys::Dir& root);

// Determines which processes have the nodes of these devices open. Compares device numbers, because paths
// differ in containers. With Facet::busy it also detects users that the search does not find; then all
// processes with any VFIO device open are listed as not certain, as they are for a pending removal without a
// known user. Counts the processes that could not be inspected or attributed to a device.
void find_holders(const sys::Dir& root, Snapshot& seen, Facet facets);

}  // namespace mdevadm
