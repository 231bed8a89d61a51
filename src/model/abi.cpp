#include <mdevadm/model/abi.hpp>

#include <algorithm>

namespace mdevadm {

const std::string* find_pin(const Abi& abi, std::string_view name) {
  const auto found = std::find_if(abi.begin(), abi.end(), [&](const Pin& pin) { return pin.name == name; });
  return found == abi.end() ? nullptr : &found->value;
}

}  // namespace mdevadm
