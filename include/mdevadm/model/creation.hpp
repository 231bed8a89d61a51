// Complete parameters for the creation of a device.
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
  std::string name{};                      // name in the kernel if it is not the UUID
  std::string vf{};                        // address of the virtual function to use
  std::uint64_t units = 1;                 // number of instances to aggregate
  std::optional<std::string> arguments{};  // create arguments after the UUID, verbatim
  // Device whose IOMMU group the new device joins if the kernel accepts a group at creation. If the kernel
  // does not, the device is created in a group of its own unless `needs_group` is set.
  std::optional<Device> beside{};
  bool needs_group = false;
  bool hidden = false;      // the driver does not list the type, but may accept it (Type::hidden)
  std::string type_name{};  // vendor's name, for messages; empty: unknown
  bool bare = false;        // omit the final newline if only a UUID is written, as mdevctl does
};

}  // namespace mdevadm
