#include <mdevadm/model/record.hpp>

#include <algorithm>

namespace mdevadm {

const Record* Records::find(const Uuid& uuid) const {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Record& one) { return one.uuid == uuid; });
  return found == all.end() ? nullptr : &*found;
}

const Record* Records::find_name(std::string_view name) const {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Record& one) { return one.kernel_name() == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace mdevadm
