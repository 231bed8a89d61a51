#include "type_directories.hpp"

#include <algorithm>
#include <mdevadm/util/text.hpp>

#include "interface.hpp"
#include "paths.hpp"

namespace mdevadm {

std::vector<TypeName> type_directories(const sys::Dir& parent) {
  std::vector<TypeName> result;
  constexpr std::string_view cannot_list = "cannot list types in";
  const sys::Result<sys::Dir> directory = answered(parent.open_dir(types_directory), cannot_list);
  const sys::Result<std::vector<sys::Entry>> entries = answered(sys::entries_of(directory), cannot_list);
  if (!entries) {
    return result;
  }
  for (const sys::Entry& entry : *entries) {
    const auto id = TypeName::parse(entry.name);
    if (id && entry.kind != sys::EntryKind::file) {
      result.push_back(*id);
    }
  }
  std::sort(result.begin(), result.end(),
            [](const TypeName& a, const TypeName& b) { return natural_less(a.str(), b.str()); });
  return result;
}

Type read_type_directory(const sys::Dir& types, const TypeName& id, Facet facets) {
  Type type{.id = id};
  const std::string prefix = id.str() + "/";
  if (has(facets, Facet::device_api)) {
    type.device_api = read_optional(types, prefix + "device_api");
  }
  if (has(facets, Facet::type_name)) {
    type.name = read_optional(types, prefix + "name");
  }
  if (has(facets, Facet::description)) {
    type.description = read_optional(types, prefix + "description");
    type.properties = parse_properties(type.description.value_or(""));
  }
  return type;
}

}  // namespace mdevadm
