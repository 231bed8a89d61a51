#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <map>
#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/util/sort.hpp>
#include <mdevadm/util/text.hpp>
#include <set>
#include <span>
#include <thread>
#include <tuple>

#include "interface.hpp"
#include "paths.hpp"
#include "read_devices.hpp"

namespace mdevadm {

namespace {

// Caches user and group names: thousands of nodes have few owners, and each lookup reads files.
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

// Reads devices relative to their common directory, which is opened once per parent: resolving long paths is
// most of the cost of reading thousands of devices.
class DeviceReader {
 public:
  DeviceReader(const sys::Dir& root, const sys::Dir& bus, const Scope& scope)
      : root_(root), bus_(bus), facets_(scope.facets), is_raw_(scope.raw) {}

  // `id` is the name on the bus. Returns nullopt if the device no longer exists.
  std::optional<Device> read(const std::string& id, const Uuid& uuid) {
    const sys::Result<std::string> link = bus_.read_link(id);
    if (!link) {
      return std::nullopt;
    }
    std::string path = resolve_link(devices_directory, *link);
    const std::string_view directory = directory_of(path);
    // One form of the flat interface has a directory between a parent and its devices.
    const bool has_own_directory = last_component(directory) == "mdev-host";
    auto parent = ParentName::parse(last_component(has_own_directory ? directory_of(directory) : directory));
    if (!parent) {
      return std::nullopt;
    }
    const Siblings& siblings = directory_at(directory);
    Device device{.uuid = uuid, .parent = *std::move(parent), .path = std::move(path)};
    if (id != uuid.str()) {
      device.name = id;
    }
    if (siblings.gpu && !is_raw_) {
      device.vf = device.parent.str();
      device.parent = *siblings.gpu;
    }
    if (siblings.directory) {
      read_links(*siblings.directory, id, device);
    }
    return device;
  }

  // Reads the links of a VF whose path and type are known.
  void read_function(Device& device) {
    const Siblings& siblings = directory_at(directory_of(device.path));
    if (siblings.directory) {
      const std::optional<TypeName> type = device.type;
      read_links(*siblings.directory, device.name, device);
      device.type = type;
    }
  }

 private:
  // The directory of a parent, and its GPU if it is a virtual function.
  struct Siblings {
    std::optional<sys::Dir> directory{};
    std::optional<ParentName> gpu{};
  };

  static std::optional<std::uint64_t> units_of(const sys::Dir& siblings, const std::string& id) {
    for (const char* file : {"aggregated_instances", "instances", "mdev/aggregated_instances"}) {
      if (const auto units = read_number(siblings, fmt::format("{}/{}", id, file))) {
        return units;
      }
    }
    return std::nullopt;
  }

  // Kernels before 6.10 list queues in a file of at most one page.
  static std::optional<ApMatrix> read_queues(const sys::Dir& siblings, const std::string& id) {
    constexpr std::size_t page = 4096;
    if (const auto config = read_optional(siblings, id + "/ap_config")) {
      return read_ap_config(*config);
    }
    const auto matrix = read_optional(siblings, id + "/matrix");
    const auto control = read_optional(siblings, id + "/control_domains");
    const bool is_complete = matrix && control && matrix->size() < page - Apqn{}.str().size() - 1;
    return is_complete ? read_ap_files(*matrix, *control) : std::nullopt;
  }

  const Siblings& directory_at(std::string_view path) {
    const auto known = directories_.find(path);
    if (known != directories_.end()) {
      return known->second;
    }
    Siblings siblings;
    if (sys::Result<sys::Dir> opened = root_.open_dir(std::string(path))) {
      const auto gpu = physical_function(*opened);
      siblings.gpu = gpu ? ParentName::parse(*gpu) : std::nullopt;
      siblings.directory = *std::move(opened);
    }
    return directories_.emplace(path, std::move(siblings)).first->second;
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
    if (has(facets_, Facet::units)) {
      device.units = units_of(siblings, id);
    }
    if (has(facets_, Facet::queues) && device.type && has_queues(device.type->str())) {
      device.queues = read_queues(siblings, id);
    }
    if (const auto online =
            has(facets_, Facet::online) ? read_number(siblings, id + "/online") : std::nullopt) {
      device.online = *online != 0;
    }
    if (const auto peers =
            has(facets_, Facet::peers) ? read_optional(siblings, id + "/" + peers_file) : std::nullopt) {
      device.peers = Uuid::parse(*peers);
    }
  }

  const sys::Dir& root_;
  const sys::Dir& bus_;
  Facet facets_;
  bool is_raw_;
  std::map<std::string, Siblings, std::less<>> directories_;
};

// Sorts by parent, then UUID.
std::vector<Device> sorted(std::vector<Device> devices) {
  sort_moving_once(devices, [](const Device& a, const Device& b) {
    return std::tie(a.parent, a.uuid) < std::tie(b.parent, b.uuid);
  });
  return devices;
}

// The name of a device on the bus, and its UUID.
struct NamedUuid {
  std::string name;
  Uuid uuid;
};

// Returns the UUID of a device with another kernel name: from its record; else the UUID in "UUID-0", which is
// device 0 of a virtual machine; else, for "UUID-1" and so on, a UUID derived from the name (version 5).
// Returns nullopt for other names, which are ignored.
std::optional<Uuid> uuid_of(const std::string& name, const Records& known) {
  if (const Record* record = known.find_name(name)) {
    return record->uuid;
  }
  const std::size_t dash = name.rfind('-');
  const auto owner = dash == std::string::npos ? std::nullopt : Uuid::parse(name.substr(0, dash));
  if (!owner || !parse_decimal(name.substr(dash + 1))) {
    return std::nullopt;
  }
  return name.substr(dash) == "-0" ? *owner : Uuid::of_name(name);
}

std::vector<NamedUuid> devices_to_read(const sys::Dir& bus, const Scope& scope,
                                       std::vector<std::string>& nameless) {
  std::vector<NamedUuid> result;
  if (scope.devices) {
    for (const Uuid& uuid : *scope.devices) {
      const Record* record = scope.known.find(uuid);
      result.push_back({record != nullptr ? record->kernel_name() : uuid.str(), uuid});
    }
    return result;
  }
  for (sys::Entry& entry : bus.entries().or_throw("cannot list mediated devices in '{}'", bus.path())) {
    const auto plain = Uuid::parse(entry.name);
    if (const auto uuid = plain || scope.bus_only ? plain : uuid_of(entry.name, scope.known)) {
      result.push_back({std::move(entry.name), *uuid});
    } else if (scope.bus_only) {
      nameless.push_back(std::move(entry.name));
    }
  }
  return result;
}

// Returns the requested devices that exist under another name than their UUID.
std::vector<NamedUuid> devices_by_other_names(const sys::Dir& bus, const Scope& scope,
                                              const std::vector<Device>& found) {
  std::vector<NamedUuid> result;
  const auto is_wanted = [&](const Uuid& uuid) {
    return std::find(scope.devices->begin(), scope.devices->end(), uuid) != scope.devices->end() &&
           std::none_of(found.begin(), found.end(), [&](const Device& one) { return one.uuid == uuid; });
  };
  if (scope.bus_only || !scope.devices ||
      std::none_of(scope.devices->begin(), scope.devices->end(), is_wanted)) {
    return result;
  }
  for (sys::Entry& entry : bus.entries().or_throw("cannot list mediated devices in '{}'", bus.path())) {
    const auto uuid = Uuid::parse(entry.name) ? std::nullopt : uuid_of(entry.name, scope.known);
    if (uuid && is_wanted(*uuid)) {
      result.push_back({std::move(entry.name), *uuid});
    }
  }
  return result;
}

std::vector<Device> read_some(const sys::Dir& root, const sys::Dir& bus, std::span<const NamedUuid> names,
                              const Scope& scope) {
  std::vector<Device> result;
  result.reserve(names.size());
  DeviceReader devices(root, bus, scope);
  NodeReader nodes(root);
  for (const NamedUuid& name : names) {
    if (std::optional<Device> device = devices.read(name.name, name.uuid)) {
      if (has(scope.facets, Facet::nodes)) {
        nodes.read(*device);
      }
      result.push_back(*std::move(device));
    }
  }
  return result;
}

// Number of devices for which a further thread pays off: reading one takes the kernel only a few
// microseconds.
constexpr std::size_t devices_a_thread = 1500;

std::vector<Device> read_bus(const sys::Dir& root, const sys::Dir& bus, const Scope& scope,
                             std::vector<std::string>& nameless) {
  const std::vector<NamedUuid> names = devices_to_read(bus, scope, nameless);
  const std::size_t processors = std::max(std::thread::hardware_concurrency(), 1U);
  const std::size_t threads = std::min(processors, names.size() / devices_a_thread + 1);
  const std::size_t share = names.size() / threads;
  std::vector<std::future<std::vector<Device>>> others;
  for (std::size_t i = 1; i < threads; ++i) {
    const std::size_t count = i + 1 == threads ? names.size() - i * share : share;
    const std::span<const NamedUuid> part = std::span(names).subspan(i * share, count);
    others.push_back(std::async(std::launch::async,
                                [&root, &bus, part, &scope] { return read_some(root, bus, part, scope); }));
  }
  std::vector<Device> result =
      read_some(root, bus, std::span(names).first(threads == 1 ? names.size() : share), scope);
  result.reserve(names.size());
  for (auto& other : others) {
    std::vector<Device> part = other.get();
    std::move(part.begin(), part.end(), std::back_inserter(result));
  }
  const std::vector<NamedUuid> more = devices_by_other_names(bus, scope, result);
  std::vector<Device> rest = read_some(root, bus, more, scope);
  std::move(rest.begin(), rest.end(), std::back_inserter(result));
  return result;
}

// Parents to search for devices on VFs: a requested device may be on any parent that its record names.
std::optional<std::vector<ParentName>> function_parents_for(const Scope& scope) {
  if (scope.other_parents || !scope.details_of) {
    return std::nullopt;
  }
  std::vector<ParentName> parents = *scope.details_of;
  for (const Records* records : {&scope.known, &scope.claims}) {
    for (const Record& record : records->all) {
      parents.push_back(record.parent);
    }
  }
  return parents;
}

// Returns the record of the device on a VF, or what a definition claims; nullptr if another program has
// assigned the type. A record of another type is out of date: another program has changed the VF since.
const Record* owner_of(const Function& function, const Scope& scope) {
  for (const Records* records : {&scope.known, &scope.claims}) {
    for (const Record& record : records->all) {
      if (function.type && record.kernel_name() == function.address &&
          same_type(record.type.str(), function.type->str())) {
        return &record;
      }
    }
  }
  return nullptr;
}

// Adds the devices on VFs.
void add_functions(const sys::Dir& root, const Scope& scope, std::map<std::string, ParentName>& functions,
                   std::vector<Device>& into) {
  NodeReader nodes(root);
  for (FunctionParent& found : function_parents(root, function_parents_for(scope))) {
    auto place = find_parent(root, found.name);
    const auto parent = ParentName::parse(found.name);
    if (!place || !parent) {
      continue;
    }
    place->function_links = std::move(found.function_links);
    DeviceReader reader(root, place->directory, scope);
    for (const Function& function : read_functions(*place, false)) {
      functions.emplace(function.address, *parent);
      const Record* record = owner_of(function, scope);
      const bool ours = record != nullptr;
      const Uuid uuid = ours ? record->uuid : Uuid::of_name(function.address);
      const bool wanted = !scope.devices || std::find(scope.devices->begin(), scope.devices->end(), uuid) !=
                                                scope.devices->end();
      if (!function.type || !wanted) {
        continue;
      }
      Device device{.uuid = uuid, .parent = *parent, .type = function.type, .path = function.path};
      device.name = function.address;
      device.vf = function.address;
      device.unmanaged = !ours;
      reader.read_function(device);
      if (has(scope.facets, Facet::nodes)) {
        nodes.read(device);
      }
      into.push_back(std::move(device));
    }
  }
}

void add_what_is_remembered(const Records& known, std::vector<Device>& devices) {
  if (known.all.empty()) {
    return;
  }
  for (Device& device : devices) {
    const Record* record = known.find(device.uuid);
    if (record == nullptr || record->parent != device.parent) {
      continue;
    }
    // A record of another type is out of date, and is deleted with the next stop.
    device.remembered = true;
    if (!device.type || *device.type == record->type) {
      device.type = record->type;
      device.unfinished = !record->finished;
    }
  }
}

// A directory in which the kernel makes the directories of devices: that of a parent, or of a virtual
// function of a GPU.
struct Nursery {
  std::string path;
  ParentName parent;
  std::string vf{};
};

void add_nurseries(const sys::Dir& root, const std::string& name, bool is_raw, std::vector<Nursery>& into) {
  const auto place = find_parent(root, name);
  const auto parent = ParentName::parse(name);
  if (!place || !parent) {
    return;
  }
  if (const auto gpu = is_raw ? std::nullopt : physical_function(place->directory)) {
    if (const auto owner = ParentName::parse(*gpu)) {
      into.push_back({place->path, *owner, name});
      return;
    }
  }
  if (!is_raw && interface_of(*place) == &function_mdevs_interface()) {
    for (const std::string& path : function_paths(*place)) {
      into.push_back({path, *parent, std::string(last_component(path))});
    }
    return;
  }
  into.push_back({place->path, *parent});
}

// Returns the directories to search for pending removals.
std::vector<Nursery> nurseries(const sys::Dir& root, const Scope& scope) {
  std::vector<Nursery> result;
  if (scope.details_of && !scope.other_parents) {
    for (const ParentName& name : *scope.details_of) {
      add_nurseries(root, name.str(), scope.raw, result);
    }
    return result;
  }
  const sys::Result<sys::Dir> directory = root.open_dir(parents_directory);
  auto entries = directory ? directory->entries() : sys::Result<std::vector<sys::Entry>>(directory.error());
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    add_nurseries(root, entry.name, scope.raw, result);
  }
  return result;
}

// Returns whether the directory of a device that is not on the bus belongs to a pending removal. The kernel
// has removed all its files then; a device that is being created has the file uevent before it is on the bus.
bool is_removal(const sys::Dir& parent, const std::string& name) {
  return !parent.exists(name + "/uevent") && parent.exists(name);
}

// Compares devices, and names of parents, by parent.
struct ByParent {
  bool operator()(const Device& a, const ParentName& b) const { return a.parent < b; }
  bool operator()(const ParentName& a, const Device& b) const { return a < b.parent; }
};

}  // namespace

std::vector<Device> read_removing(const sys::Dir& root, const Scope& scope,
                                  const std::vector<Device>& devices) {
  std::vector<Device> result;
  for (const Nursery& nursery : nurseries(root, scope)) {
    const sys::Result<sys::Dir> directory = root.open_dir(nursery.path);
    const auto entries =
        directory ? directory->entries() : sys::Result<std::vector<sys::Entry>>(directory.error());
    const auto [first, last] = std::equal_range(devices.begin(), devices.end(), nursery.parent, ByParent{});
    const auto is_on_bus = [first = first, last = last](const Uuid& one) {
      const auto found = std::lower_bound(
          first, last, one, [](const Device& device, const Uuid& wanted) { return device.uuid < wanted; });
      return found != last && found->uuid == one;
    };
    for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
      const auto uuid = Uuid::parse(entry.name);
      const bool wanted = uuid && (!scope.devices || std::find(scope.devices->begin(), scope.devices->end(),
                                                               *uuid) != scope.devices->end());
      if (!wanted || is_on_bus(*uuid) || !is_removal(*directory, entry.name)) {
        continue;
      }
      Device device{.uuid = *uuid, .parent = nursery.parent, .path = nursery.path + "/" + entry.name};
      device.vf = nursery.vf;
      device.removing = true;
      if (const auto group = link_name(*directory, entry.name + "/iommu_group")) {
        device.iommu_group = parse_decimal(*group);
      }
      result.push_back(std::move(device));
    }
  }
  add_what_is_remembered(scope.known, result);
  return sorted(std::move(result));
}

std::vector<Device> read_devices(const sys::Dir& root, const Scope& scope, Snapshot& seen) {
  const sys::Result<sys::Dir> bus = root.open_dir(devices_directory);
  if (!bus && !sys::is_absence(bus.error().number)) {
    sys::throw_error(bus.error(), fmt::format("cannot list mediated devices in '{}'", bus.error().path));
  }
  std::vector<Device> result = bus ? read_bus(root, *bus, scope, seen.nameless) : std::vector<Device>{};
  // If all requested devices were found, the GPUs need not be searched.
  if (!scope.bus_only && (!scope.devices || result.size() < scope.devices->size())) {
    add_functions(root, scope, seen.functions, result);
  }
  add_what_is_remembered(scope.known, result);
  return sorted(std::move(result));
}

}  // namespace mdevadm
