// The interface of the mainline kernel since 4.10 (Documentation/ABI/testing/sysfs-bus-vfio-mdev):
// PARENT/mdev_supported_types/TYPE/{create, available_instances, device_api, name, description},
// DEVICE/remove. Also extensions that were proposed but not merged: create arguments after the UUID (Halil
// Pasic, December 2018); aggregation as a create argument, as an attribute of the device and as an attribute
// of the type (Zhenyu Wang 2018 to 2020, Yan Zhao July 2020); migration_version (Yan Zhao 2019).
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "interface.hpp"
#include "type_directories.hpp"

namespace mdevadm {

namespace {

// Returns how many instances one device of a type can aggregate; three variants of the interface report it
// differently.
std::optional<std::uint64_t> most_units(const sys::Dir& types, const std::string& prefix, const Type& type) {
  if (const auto most = read_number(types, prefix + "aggregation")) {
    return most;
  }
  const auto available = read_number(types, prefix + "available_instances");
  if (types.exists(prefix + "aggregator")) {
    return available;
  }
  for (const Property& property : type.properties) {
    if (property.name == "aggregation" && property.text == "yes") {
      return available;
    }
  }
  return std::nullopt;
}

// Sets a type's aggregator to N while one device is created from it. This takes two writes, so no other
// device of the type may be created in between: the caller holds the parent's lock.
class MultipliedType {
 public:
  MultipliedType(const sys::Dir& parent, std::string file, std::uint64_t units)
      : parent_(parent), file_(std::move(file)) {
    written_ = parent_.write_attribute(file_, fmt::format("{}\n", units));
    if (written_ && read_number(parent_, file_) != units) {
      restore();
      throw Error(ExitCode::failed,
                  fmt::format("cannot aggregate {} instances: rejected by the driver", units));
    }
  }
  MultipliedType(const MultipliedType&) = delete;
  MultipliedType& operator=(const MultipliedType&) = delete;
  ~MultipliedType() { restore(); }

  const sys::Result<sys::Done>& written() const { return written_; }

 private:
  void restore() const { [[maybe_unused]] const auto back = parent_.write_attribute(file_, "1\n"); }

  const sys::Dir& parent_;
  std::string file_;
  sys::Result<sys::Done> written_ = sys::Done{};
};

class Upstream final : public Interface {
 public:
  std::string_view name() const override { return "upstream"; }

  bool recognizes(const SysfsParent& parent) const override {
    const sys::Result<sys::FileStatus> status = parent.directory.status(types_directory);
    return status && S_ISDIR(status->mode);
  }

  void describe(const SysfsParent& parent, Facet facets, Parent& into) const override {
    // No released kernel accepts create arguments, and support is visible only by trying.
    into.capabilities.create_arguments = Support::unknown;
    into.capabilities.mdev_types = true;
    into.home = parent.path;
    if (!has_any(facets, type_facets)) {
      return;
    }
    into.types = read_type_directories(
        parent.directory, facets, [&](const sys::Dir& types, const std::string& prefix, Type& type) {
          if (has(facets, Facet::available)) {
            type.available = read_number(types, prefix + "available_instances");
          }
          if (has(facets, Facet::aggregation)) {
            type.most_units = most_units(types, prefix, type);
          }
          if (has(facets, Facet::migration_version)) {
            type.migration_version = read_optional(types, prefix + "migration_version");
          }
          add_properties_of_name(type);
          for (const Property& property : type.properties) {
            if (property.name == "max_instance" && std::holds_alternative<std::uint64_t>(property.value)) {
              type.maximum = std::get<std::uint64_t>(property.value);
            }
          }
        });
  }

  // The kernel names the directory in lower case whatever is written. 36 bytes and a newline, in one write.
  Command creation(const SysfsParent& parent, const Creation& what) const override {
    const bool has_keyword =
        what.units > 1 && !has_file(parent, what, "aggregator") && has_file(parent, what, "aggregation");
    const std::string units = has_keyword ? fmt::format(",{}={}", units_keywords.front(), what.units) : "";
    return command(parent, what, units);
  }

  sys::Result<sys::Done> create(const SysfsParent& parent, const Creation& what) const override {
    const Command first = creation(parent, what);
    if (what.units > 1 && has_file(parent, what, "aggregator")) {
      const MultipliedType multiplied(parent.directory, in_type(what, "aggregator"), what.units);
      return multiplied.written() ? issue(parent.root, first) : multiplied.written();
    }
    sys::Result<sys::Done> made = issue(parent.root, first);
    if (!made && made.error().number == EINVAL && what.units > 1 && has_file(parent, what, "aggregation")) {
      // Only an existing device shows which of the two keywords the kernel uses. It parses the arguments
      // before it changes anything and fails with EINVAL.
      return issue(parent.root,
                   command(parent, what, fmt::format(",{}={}", units_keywords.back(), what.units)));
    }
    return made;
  }

  Command removal(const SysfsParent&, const Device& device) const override {
    return {device.path, "remove", "1\n"};
  }

 private:
  static constexpr std::array units_keywords{"aggregate", "instances"};

  static std::string in_type(const Creation& what, std::string_view file) {
    return fmt::format("{}/{}/{}", types_directory, what.type.str(), file);
  }

  static bool has_file(const SysfsParent& parent, const Creation& what, std::string_view file) {
    return parent.directory.exists(in_type(what, file));
  }

  static Command command(const SysfsParent& parent, const Creation& what, const std::string& units) {
    const std::string arguments = what.arguments ? "," + *what.arguments : "";
    const bool bare = what.bare && units.empty();
    return {parent.path, in_type(what, "create"), what.uuid.str() + units + arguments + (bare ? "" : "\n")};
  }
};

}  // namespace

const Interface& upstream_interface() {
  static const Upstream interface;
  return interface;
}

}  // namespace mdevadm
