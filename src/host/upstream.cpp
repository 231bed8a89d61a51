// The interface of the mainline kernel since 4.10 (Documentation/ABI/testing/sysfs-bus-vfio-mdev):
// PARENT/mdev_supported_types/TYPE/{create, available_instances, device_api, name, description},
// DEVICE/remove.
#include <sys/stat.h>

#include <algorithm>

#include <mdevadm/util/text.hpp>

#include "dialect.hpp"

namespace mdevadm {

namespace {

constexpr const char* types_folder = "mdev_supported_types";

// An attribute that may be missing, or whose driver refuses to tell: absent either way.
std::optional<std::string> read_optional(const sys::Dir& folder, const std::string& name) {
  sys::Result<std::string> value = folder.read_attribute(name);
  return value ? std::optional(*std::move(value)) : std::nullopt;
}

class Upstream final : public Dialect {
 public:
  std::string_view name() const override { return "upstream"; }

  bool speaks(const sys::Dir& parent) const override {
    const sys::Result<sys::FileStatus> status = parent.status(types_folder);
    return status && S_ISDIR(status->mode);
  }

  Capabilities capabilities() const override { return {}; }

  std::vector<Type> types(const sys::Dir& parent, Facet facets) const override {
    std::vector<Type> result;
    const sys::Result<sys::Dir> folder = parent.open_dir(types_folder);
    const sys::Result<std::vector<sys::Entry>> entries =
        folder ? folder->entries() : sys::Result<std::vector<sys::Entry>>(folder.error());
    if (!entries) {
      return result;  // a parent that is just going
    }
    for (const sys::Entry& entry : *entries) {
      const auto id = TypeName::parse(entry.name);
      if (id && entry.kind != sys::EntryKind::file) {
        result.push_back(read_type(*folder, *id, facets));
      }
    }
    std::sort(result.begin(), result.end(),
              [](const Type& a, const Type& b) { return natural_less(a.id.str(), b.id.str()); });
    return result;
  }

  // The kernel's directory is lower case whatever is written; 36 bytes and a newline, in one write.
  sys::Result<sys::Done> create(const sys::Dir& parent, const TypeName& type,
                                const Uuid& uuid) const override {
    return parent.write_attribute(fmt::format("{}/{}/create", types_folder, type.str()), uuid.str() + "\n");
  }

  RemoveCommand remove_command() const override { return {"remove", "1\n"}; }

 private:
  static Type read_type(const sys::Dir& folder, const TypeName& id, Facet facets) {
    Type type{.id = id};
    const std::string prefix = id.str() + "/";
    if (has(facets, Facet::available)) {
      if (const auto text = read_optional(folder, prefix + "available_instances")) {
        type.available = parse_decimal(*text);
      }
    }
    if (has(facets, Facet::device_api)) {
      type.device_api = read_optional(folder, prefix + "device_api");
    }
    if (has(facets, Facet::type_name)) {
      type.name = read_optional(folder, prefix + "name");
    }
    if (has(facets, Facet::description)) {
      type.description = read_optional(folder, prefix + "description");
      type.properties = parse_properties(type.description.value_or(""));
    }
    return type;
  }
};

}  // namespace

const Dialect& upstream_dialect() {
  static const Upstream dialect;
  return dialect;
}

}  // namespace mdevadm
