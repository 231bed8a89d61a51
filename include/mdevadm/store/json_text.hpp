// Attributes of devices in mdevctl's JSON, in files and from scripts. Internal: include only where
// nlohmann/json is used (this header needs forward declarations only).
#pragma once

#include <mdevadm/model/config.hpp>
#include <mdevadm/util/json.hpp>
#include <vector>

namespace mdevadm::store {

// Appends the attributes of a list. Throws JsonMistake at the first invalid one; those before it are
// appended.
void read_attributes(const nlohmann::json& list, std::vector<ConfigAttribute>& attributes);

}  // namespace mdevadm::store
