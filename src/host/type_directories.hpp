// Types as directories with one file per property: the common part of the interface proposed at KVM Forum
// 2016 and the mainline interface.
#pragma once

#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <vector>

namespace mdevadm {

inline constexpr const char* types_directory = "mdev_supported_types";

// Returns the types of a parent in natural order, with the properties requested by `facets`. `complete` reads
// those specific to one interface.
template <typename Complete>
std::vector<Type> read_type_directories(const sys::Dir& parent, Facet facets, const Complete& complete);

// Returns the names of the types only.
std::vector<TypeName> type_directories(const sys::Dir& parent);
Type read_type_directory(const sys::Dir& types, const TypeName& id, Facet facets);

template <typename Complete>
std::vector<Type> read_type_directories(const sys::Dir& parent, Facet facets, const Complete& complete) {
  std::vector<Type> result;
  const sys::Result<sys::Dir> directory = parent.open_dir(types_directory);
  if (!directory) {
    return result;  // the parent is being removed
  }
  for (const TypeName& id : type_directories(parent)) {
    Type type = read_type_directory(*directory, id, facets);
    complete(*directory, id.str() + "/", type);
    result.push_back(std::move(type));
  }
  return result;
}

}  // namespace mdevadm
