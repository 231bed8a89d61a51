// Recording and comparison of the guest ABI. Pure functions.
#pragma once

#include <mdevadm/model/abi.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Returns the properties of a type on a parent that are recorded as guest ABI. Needs Facet::device_api,
// type_name, description, migration_version and parent_identity.
Abi pins_of(const Parent& parent, const Type& type);

struct AbiDifference {
  std::string text;    // "framebuffer: defined '4096M', now '2048M'"
  bool changes_guest;  // false: the guest may not notice the difference (driver version)
};

// Returns the differences between the recorded guest ABI and the present one. A property that is not reported
// now is not a difference, because the kernel interfaces report different properties. The migration_version
// is not compared: only the driver can check it.
std::vector<AbiDifference> compare_abi(const Abi& pinned, const Abi& now);

}  // namespace mdevadm
