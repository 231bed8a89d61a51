// Types as folders, one file a fact: what the forum's proposal and the mainline kernel have in common.
#pragma once

#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <vector>

namespace mdevadm {

inline constexpr const char* types_folder = "mdev_supported_types";

// The types of a parent, with device_api, name and description where `facets` asks for them, in natural
// order. `complete` adds what one dialect has more.
template <typename Complete>
std::vector<Type> read_type_folders(const sys::Dir& parent, Facet facets, const Complete& complete);

// The types' names alone.
std::vector<TypeName> type_folders(const sys::Dir& parent);
Type read_type_folder(const sys::Dir& types, const TypeName& id, Facet facets);

template <typename Complete>
std::vector<Type> read_type_folders(const sys::Dir& parent, Facet facets, const Complete& complete) {
  std::vector<Type> result;
  const sys::Result<sys::Dir> folder = parent.open_dir(types_folder);
  if (!folder) {
    return result;  // a parent that is just going
  }
  for (const TypeName& id : type_folders(parent)) {
    Type type = read_type_folder(*folder, id, facets);
    complete(*folder, id.str() + "/", type);
    result.push_back(std::move(type));
  }
  return result;
}

}  // namespace mdevadm
