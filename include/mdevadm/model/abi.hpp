// What a guest can see of a device, as it was when the device was defined.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// One thing that is pinned: device_api = "vfio-pci".
struct Pin {
  std::string name;
  std::string value;
  bool operator==(const Pin&) const = default;
};

using Abi = std::vector<Pin>;

// The value that is pinned under a name; nullptr if none is.
const std::string* find_pin(const Abi& abi, std::string_view name);

}  // namespace mdevadm
