// What is to be made of a parent, in full.
#pragma once

#include <cstdint>
#include <mdevadm/model/names.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>

namespace mdevadm {

struct Creation {
  Uuid uuid;
  ParentName parent;
  TypeName type;
  std::string name{};                      // what the kernel is to call it, if not by its UUID
  std::uint64_t units = 1;                 // how many instances it is made of
  std::optional<std::string> arguments{};  // what stands behind the UUID, verbatim
  // Whose IOMMU group it is to join, where the kernel takes that at creation; where it does not, it is made
  // by itself unless `needs_group`.
  std::optional<Device> beside{};
  bool needs_group = false;
  bool bare = false;  // written without a newline, where a UUID alone is
};

}  // namespace mdevadm
