#include <algorithm>
#include <map>
#include <mdevadm/host/host.hpp>
#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/util/text.hpp>
#include <tuple>

#include "dialect.hpp"
#include "paths.hpp"

namespace mdevadm {

namespace {

std::string pci_id_of(const sys::Dir& parent) {
  // "0x10de" -> "10de"
  const auto number = [&](const char* name) {
    const sys::Result<std::string> text = parent.read_attribute(name);
    return text && text->starts_with("0x") ? text->substr(2) : std::string{};
  };
  const std::string vendor = number("vendor");
  const std::string device = number("device");
  return vendor.empty() || device.empty() ? std::string{} : vendor + ":" + device;
}

// The last component of where a link points, or nothing.
std::optional<std::string> link_name(const sys::Dir& folder, const std::string& name) {
  const sys::Result<std::string> target = folder.read_link(name);
  return target ? std::optional(std::string(last_component(*target))) : std::nullopt;
}

std::optional<Parent> read_parent(const sys::Dir& root, const sys::Dir& bus, const ParentName& name,
                                  Facet facets) {
  const sys::Result<std::string> link = bus.read_link(name.str());
  if (!link) {
    return std::nullopt;
  }
  Parent parent{.name = name, .path = resolve_link(parents_folder, *link)};
  if (!has_any(facets, type_facets | Facet::parent_identity)) {
    return parent;
  }
  const sys::Result<sys::Dir> folder = root.open_dir(parent.path);
  if (!folder) {
    return std::nullopt;
  }
  if (const Dialect* dialect = dialect_of(*folder)) {
    parent.dialect = dialect->name();
    parent.capabilities = dialect->capabilities();
    if (has_any(facets, type_facets)) {
      parent.types = dialect->types(*folder, facets);
    }
  }
  if (has(facets, Facet::parent_identity)) {
    parent.driver = link_name(*folder, "driver");
    if (std::string id = pci_id_of(*folder); !id.empty()) {
      parent.pci_id = std::move(id);
    }
  }
  return parent;
}

Facet facets_for(const ParentName& parent, const Look& look) {
  const auto& wanted = look.details_of;
  const bool in_detail = !wanted || std::find(wanted->begin(), wanted->end(), parent) != wanted->end();
  return in_detail ? look.facets : Facet::parents;
}

std::vector<Parent> read_parents(const sys::Dir& root, const Look& look) {
  std::vector<Parent> result;
  const sys::Result<sys::Dir> bus = root.open_dir(parents_folder);
  if (!bus && sys::is_absence(bus.error().number)) {
    return result;
  }
  if (!bus) {
    sys::throw_error(bus.error(), "cannot look for parents of mediated devices");
  }
  for (const sys::Entry& entry : bus->entries().or_throw("cannot look for parents of mediated devices")) {
    const auto name = ParentName::parse(entry.name);
    if (!name) {
      continue;
    }
    if (std::optional<Parent> parent = read_parent(root, *bus, *name, facets_for(*name, look))) {
      result.push_back(*std::move(parent));
    }
  }
  std::sort(result.begin(), result.end(), [](const Parent& a, const Parent& b) { return a.name < b.name; });
  return result;
}

// Thousands of nodes have a handful of owners, and each look-up of a name reads files.
class NodeReader {
 public:
  explicit NodeReader(const sys::Dir& root) : root_(root) {}

  void read(Device& device) {
    if (device.iommu_group) {
      device.group_node = node(group_node_path(*device.iommu_group));
    }
    if (const auto cdev = cdev_name(root_, device.path)) {
      device.cdev_node = node(cdev_node_path(*cdev));
    }
  }

 private:
  std::optional<Node> node(const std::string& path) {
    const sys::Result<sys::FileStatus> status = root_.status(path);
    if (!status) {
      return std::nullopt;
    }
    const auto remembered = [](auto& names, auto id, auto look_up) -> const std::string& {
      const auto found = names.find(id);
      return found != names.end() ? found->second : names.emplace(id, look_up(id)).first->second;
    };
    return Node{"/" + path, remembered(users_, status->owner, sys::user_name),
                remembered(groups_, status->group, sys::group_name), status->mode & 07777};
  }

  const sys::Dir& root_;
  std::map<uid_t, std::string> users_;
  std::map<gid_t, std::string> groups_;
};

std::optional<Device> read_device(const sys::Dir& bus, const Uuid& uuid, Facet facets) {
  const std::string id = uuid.str();
  const sys::Result<std::string> link = bus.read_link(id);
  if (!link) {
    return std::nullopt;
  }
  std::string path = resolve_link(devices_folder, *link);
  auto parent = ParentName::parse(last_component(folder_of(path)));
  if (!parent) {
    return std::nullopt;
  }
  Device device{.uuid = uuid, .parent = *std::move(parent), .path = std::move(path)};
  if (const auto type = link_name(bus, id + "/mdev_type")) {
    device.type = TypeName::parse(*type);
  }
  if (has_any(facets, Facet::iommu_group | Facet::nodes | Facet::holders)) {
    if (const auto group = link_name(bus, id + "/iommu_group")) {
      device.iommu_group = parse_decimal(*group);
    }
  }
  if (has(facets, Facet::driver)) {
    device.driver = link_name(bus, id + "/driver");
  }
  return device;
}

std::vector<Device> read_devices(const sys::Dir& root, const Look& look) {
  std::vector<Device> result;
  const sys::Result<sys::Dir> bus = root.open_dir(devices_folder);
  if (!bus && sys::is_absence(bus.error().number)) {
    return result;
  }
  if (!bus) {
    sys::throw_error(bus.error(), "cannot look for mediated devices");
  }
  NodeReader nodes(root);
  const auto take = [&](const Uuid& uuid) {
    if (std::optional<Device> device = read_device(*bus, uuid, look.facets)) {
      if (has(look.facets, Facet::nodes)) {
        nodes.read(*device);
      }
      result.push_back(*std::move(device));
    }
  };
  if (look.devices) {
    std::for_each(look.devices->begin(), look.devices->end(), take);
  } else {
    for (const sys::Entry& entry : bus->entries().or_throw("cannot look for mediated devices")) {
      if (const auto uuid = Uuid::parse(entry.name)) {
        take(*uuid);
      }
    }
  }
  std::sort(result.begin(), result.end(), [](const Device& a, const Device& b) {
    return std::tie(a.parent, a.uuid) < std::tie(b.parent, b.uuid);
  });
  return result;
}

}  // namespace

Snapshot Host::observe(const Look& look) const {
  Snapshot seen;
  seen.mdev_support = root_->exists(parents_folder) || root_->exists(devices_folder);
  if (has_any(look.facets, parent_facets)) {
    seen.parents = read_parents(*root_, look);
  }
  if (has_any(look.facets, device_facets)) {
    seen.devices = read_devices(*root_, look);
  }
  if (has(look.facets, Facet::holders)) {
    seen.unseen_processes = find_holders(*root_, seen.devices);
  }
  return seen;
}

}  // namespace mdevadm
