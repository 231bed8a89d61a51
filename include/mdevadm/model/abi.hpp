// The recorded guest ABI: the properties of a device that a guest can detect, as they were at definition.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// One recorded property, for example device_api = "vfio-pci".
struct Pin {
  std::string name;
  std::string value;
  bool operator==(const Pin&) const = default;
};

using Abi = std::vector<Pin>;

// Returns the value recorded under a name, or nullptr.
const std::string* find_pin(const Abi& abi, std::string_view name);

}  // namespace mdevadm
