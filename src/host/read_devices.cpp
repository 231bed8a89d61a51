#include <algorithm>
#include <future>
#include <map>
#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/util/text.hpp>
#include <span>
#include <thread>
#include <tuple>

#include "paths.hpp"
#include "read_devices.hpp"

namespace mdevadm {

namespace {

// Thousands of nodes have a handful of owners, and each look-up of a name reads files.
class NodeReader {
 public:
  explicit NodeReader(const sys::Dir& root) : root_(root) {}

  void read(Device& device) {
    if (device.iommu_group) {
      add(device, Node::Kind::group, group_node_path(*device.iommu_group));
    }
    if (const auto cdev = cdev_name(root_, device.path)) {
      add(device, Node::Kind::cdev, cdev_node_path(*cdev));
    }
  }

 private:
  void add(Device& device, Node::Kind kind, const std::string& path) {
    const sys::Result<sys::FileStatus> status = root_.status(path);
    if (!status) {
      return;
    }
    const auto remembered = [](auto& names, auto id, auto look_up) -> const std::string& {
      const auto found = names.find(id);
      return found != names.end() ? found->second : names.emplace(id, look_up(id)).first->second;
    };
    device.nodes.push_back({kind, "/" + path, remembered(users_, status->owner, sys::user_name),
                            remembered(groups_, status->group, sys::group_name), status->mode & 07777});
  }

  const sys::Dir& root_;
  std::map<uid_t, std::string> users_;
  std::map<gid_t, std::string> groups_;
};

// Devices of one parent lie in one folder. It is opened once: from there the way to a device's links is
// short, and walking long paths is most of what reading thousands of devices costs.
class DeviceReader {
 public:
  DeviceReader(const sys::Dir& root, const sys::Dir& bus, Facet facets)
      : root_(root), bus_(bus), facets_(facets) {}

  // `id` is the name under which the bus has it. Nothing if it is gone.
  std::optional<Device> read(const std::string& id, const Uuid& uuid) {
    const sys::Result<std::string> link = bus_.read_link(id);
    if (!link) {
      return std::nullopt;
    }
    std::string path = resolve_link(devices_folder, *link);
    const std::string_view folder = folder_of(path);
    auto parent = ParentName::parse(last_component(folder));
    if (!parent) {
      return std::nullopt;
    }
    const std::optional<sys::Dir>& siblings = folder_at(folder);
    Device device{.uuid = uuid, .parent = *std::move(parent), .path = std::move(path)};
    if (siblings) {
      read_links(*siblings, id, device);
    }
    return device;
  }

 private:
  const std::optional<sys::Dir>& folder_at(std::string_view path) {
    const auto known = folders_.find(path);
    if (known != folders_.end()) {
      return known->second;
    }
    sys::Result<sys::Dir> opened = root_.open_dir(std::string(path));
    return folders_.emplace(path, opened ? std::optional(*std::move(opened)) : std::nullopt).first->second;
  }

  void read_links(const sys::Dir& siblings, const std::string& id, Device& device) const {
    if (const auto type = link_name(siblings, id + "/mdev_type")) {
      device.type = TypeName::parse(*type);
    }
    if (has_any(facets_, Facet::iommu_group | Facet::nodes | Facet::holders)) {
      if (const auto group = link_name(siblings, id + "/iommu_group")) {
        device.iommu_group = parse_decimal(*group);
      }
    }
    if (has(facets_, Facet::driver)) {
      device.driver = link_name(siblings, id + "/driver");
    }
  }

  const sys::Dir& root_;
  const sys::Dir& bus_;
  Facet facets_;
  std::map<std::string, std::optional<sys::Dir>, std::less<>> folders_;
};

// By parent, then UUID. Devices are large: what is sorted is where they are.
std::vector<Device> sorted(std::vector<Device> devices) {
  std::vector<Device*> order;
  order.reserve(devices.size());
  for (Device& device : devices) {
    order.push_back(&device);
  }
  std::sort(order.begin(), order.end(), [](const Device* a, const Device* b) {
    return std::tie(a->parent, a->uuid) < std::tie(b->parent, b->uuid);
  });
  std::vector<Device> result;
  result.reserve(devices.size());
  for (Device* device : order) {
    result.push_back(std::move(*device));
  }
  return result;
}

struct NamedUuid {
  std::string name;  // as the bus has it
  Uuid uuid;
};

std::vector<NamedUuid> devices_to_read(const sys::Dir& bus, const std::optional<std::vector<Uuid>>& only) {
  std::vector<NamedUuid> result;
  if (only) {
    for (const Uuid& uuid : *only) {
      result.push_back({uuid.str(), uuid});
    }
    return result;
  }
  for (sys::Entry& entry : bus.entries().or_throw("cannot look for mediated devices")) {
    if (const auto uuid = Uuid::parse(entry.name)) {
      result.push_back({std::move(entry.name), *uuid});
    }
  }
  return result;
}

std::vector<Device> read_some(const sys::Dir& root, const sys::Dir& bus, std::span<const NamedUuid> names,
                              Facet facets) {
  std::vector<Device> result;
  result.reserve(names.size());
  DeviceReader devices(root, bus, facets);
  NodeReader nodes(root);
  for (const NamedUuid& name : names) {
    if (std::optional<Device> device = devices.read(name.name, name.uuid)) {
      if (has(facets, Facet::nodes)) {
        nodes.read(*device);
      }
      result.push_back(*std::move(device));
    }
  }
  return result;
}

// So many that a further thread pays: the kernel's part of reading one is a few microseconds.
constexpr std::size_t devices_a_thread = 1500;

}  // namespace

std::vector<Device> read_devices(const sys::Dir& root, const std::optional<std::vector<Uuid>>& only,
                                 Facet facets) {
  const sys::Result<sys::Dir> bus = root.open_dir(devices_folder);
  if (!bus && sys::is_absence(bus.error().number)) {
    return {};
  }
  if (!bus) {
    sys::throw_error(bus.error(), "cannot look for mediated devices");
  }
  const std::vector<NamedUuid> names = devices_to_read(*bus, only);
  const std::size_t processors = std::max(std::thread::hardware_concurrency(), 1U);
  const std::size_t threads = std::min(processors, names.size() / devices_a_thread + 1);
  const std::size_t share = names.size() / threads;
  std::vector<std::future<std::vector<Device>>> others;
  for (std::size_t i = 1; i < threads; ++i) {
    const std::size_t count = i + 1 == threads ? names.size() - i * share : share;
    const std::span<const NamedUuid> part = std::span(names).subspan(i * share, count);
    others.push_back(std::async(std::launch::async,
                                [&root, &bus, part, facets] { return read_some(root, *bus, part, facets); }));
  }
  std::vector<Device> result =
      read_some(root, *bus, std::span(names).first(threads == 1 ? names.size() : share), facets);
  result.reserve(names.size());
  for (auto& other : others) {
    std::vector<Device> part = other.get();
    std::move(part.begin(), part.end(), std::back_inserter(result));
  }
  return sorted(std::move(result));
}

}  // namespace mdevadm
