// The interface proposed at KVM Forum 2016: PARENT/mdev_supported_types/ID/{create, description,
// max_instances} with types that vanish while they cannot be created, and PARENT/mdev_destroy or
// DEVICE/remove. Also the two proposed ways to share an IOMMU group: UUID:GROUP at creation (Alex Williamson)
// and the attribute peer_to_peer_resource_uuid (Host::join_peers()).
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/util/text.hpp>

#include "interface.hpp"
#include "paths.hpp"
#include "type_directories.hpp"

namespace mdevadm {

namespace {

constexpr const char* destroy_file = "mdev_destroy";

class Forum final : public Interface {
 public:
  std::string_view name() const override { return "forum"; }

  // Its types have no count of available instances.
  bool recognizes(const SysfsParent& parent) const override {
    const sys::Result<sys::FileStatus> status = parent.directory.status(types_directory);
    if (!status || !S_ISDIR(status->mode)) {
      return false;
    }
    const std::vector<TypeName> types = type_directories(parent.directory);
    return parent.directory.exists(destroy_file) || types.empty() ||
           parent.directory.exists(fmt::format("{}/{}/max_instances", types_directory, types.front().str()));
  }

  void describe(const SysfsParent& parent, Facet facets, Parent& into) const override {
    into.capabilities.kernel_groups = Support::unknown;
    into.capabilities.types_vanish = true;
    into.capabilities.reports_type = false;
    into.home = parent.path;
    if (!has_any(facets, type_facets)) {
      return;
    }
    into.types = read_type_directories(parent.directory, facets,
                                       [&](const sys::Dir& types, const std::string& prefix, Type& type) {
                                         if (has_any(facets, Facet::available | Facet::description)) {
                                           type.maximum = read_number(types, prefix + "max_instances");
                                         }
                                       });
  }

  Command creation(const SysfsParent& parent, const Creation& what) const override {
    const std::string group = what.beside ? group_to_join(parent, *what.beside) : std::string{};
    return command(parent, what, group.empty() ? "" : ":" + group);
  }

  sys::Result<sys::Done> create(const SysfsParent& parent, const Creation& what) const override {
    sys::Result<sys::Done> made = issue(parent.root, creation(parent, what));
    const bool joins = what.beside && !group_to_join(parent, *what.beside).empty();
    // A kernel without support for groups fails with EINVAL while parsing, before it changes anything.
    return !made && joins && made.error().number == EINVAL && !what.needs_group
               ? issue(parent.root, command(parent, what, ""))
               : made;
  }

  Command removal(const SysfsParent& parent, const Device& device) const override {
    return parent.directory.exists(destroy_file)
               ? Command{parent.path, destroy_file, device.uuid.str() + "\n"}
               : Command{device.path, "remove", "1\n"};
  }

  bool reports_type() const override { return false; }

 private:
  // Returns the IOMMU group in which the device can be created, or an empty text: some kernels let an
  // existing device join instead.
  static std::string group_to_join(const SysfsParent& parent, const Device& beside) {
    if (parent.root.exists(fmt::format("{}/{}", beside.path.str(), peers_file))) {
      return {};
    }
    const sys::Result<std::string> group = parent.root.read_link(beside.path.str() + "/iommu_group");
    return group ? std::string(last_component(*group)) : std::string{};
  }

  static Command command(const SysfsParent& parent, const Creation& what, const std::string& group) {
    return {parent.path, fmt::format("{}/{}/create", types_directory, what.type.str()),
            what.uuid.str() + group + "\n"};
  }
};

}  // namespace

const Interface& forum_interface() {
  static const Forum interface;
  return interface;
}

}  // namespace mdevadm
