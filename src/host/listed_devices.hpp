// Devices as the directories of types list them. Internal header.
#pragma once

#include <cstddef>
#include <mdevadm/model/names.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/uuid.hpp>
#include <string>
#include <utility>
#include <vector>

namespace mdevadm {

// Parent and type of many devices. The kernel links each device in mdev_supported_types/TYPE/devices of its
// parent (Documentation/driver-api/vfio-mediated-device.rst), so that one getdents(2) has for many devices
// what takes two readlink(2) for each of them. The link is created after the device has appeared on the bus,
// and removed before the device: a device that is not listed is read by its own links.
class ListedDevices {
 public:
  struct TypeDirectory {
    std::string directory;  // of the parent, below the root
    TypeName type;
  };

  // Reads the directories, unless the links of `count` devices take fewer system calls.
  static ListedDevices read(const sys::Dir& root, std::size_t count);

  // Returns nullptr for a device that is not listed. The pointer is valid as long as the object.
  const TypeDirectory* find(const Uuid& uuid) const;

  bool empty() const { return devices_.empty(); }

  // Frees the list of devices; what find() has returned remains valid.
  void forget_devices() { devices_ = {}; }

 private:
  std::vector<TypeDirectory> directories_{};
  std::vector<std::pair<Uuid, std::size_t>> devices_{};  // sorted; index in directories_
};

}  // namespace mdevadm
