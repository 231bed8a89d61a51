// What a guest sees of a device, pinned and compared. Pure.
#pragma once

#include <mdevadm/model/abi.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// What there is to pin of a type on a parent. Needs Facet::device_api, type_name, description,
// migration_version and parent_identity.
Abi pins_of(const Parent& parent, const Type& type);

struct AbiDifference {
  std::string text;    // "framebuffer was 4096M and is 2048M"
  bool changes_guest;  // no: it may, or may not (the driver's version)
};

// What differs between what is pinned and what is there now. What cannot be seen now is no difference: other
// interfaces tell other things. The migration_version is not compared: the driver has to be asked.
std::vector<AbiDifference> compare_abi(const Abi& pinned, const Abi& now);

}  // namespace mdevadm
