#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/sys/parallel.hpp>
#include <mdevadm/util/sort.hpp>
#include <mdevadm/util/text.hpp>
#include <set>
#include <span>
#include <thread>
#include <tuple>
#include <unordered_map>

#include "interface.hpp"
#include "listed_devices.hpp"
#include "paths.hpp"
#include "read_devices.hpp"

namespace mdevadm {

namespace {

// Caches user and group names: thousands of nodes have few owners, and each lookup reads files.
class NodeReader {
 public:
  NodeReader(const sys::Dir& root, bool is_used)
      : root_(root), has_cdevs_(is_used && root.exists(cdev_directory())) {}

  // `siblings` is the directory in which the device is.
  void read(const sys::Dir& siblings, Device& device) {
    if (device.iommu_group) {
      add(device, Node::Kind::group, group_node_path(*device.iommu_group));
    }
    if (const auto cdev = has_cdevs_ ? cdev_name(siblings, last_component(device.path)) : std::nullopt) {
      add(device, Node::Kind::cdev, cdev_node_path(*cdev));
    }
  }

 private:
  void add(Device& device, Node::Kind kind, const std::string& path) {
    const sys::Result<sys::FileStatus> status = root_.status(path);
    if (!status) {
      return;
    }
    const auto cached_name = [](auto& names, auto id, auto look_up) -> const std::string& {
      const auto found = names.find(id);
      return found != names.end() ? found->second : names.emplace(id, look_up(id)).first->second;
    };
    if (kind == Node::Kind::cdev && S_ISCHR(status->mode)) {
      device.own_node = status->device_number;
    }
    device.nodes.push_back({kind, "/" + path, cached_name(users_, status->owner, sys::user_name),
                            cached_name(groups_, status->group, sys::group_name), status->mode & 07777,
                            status->owner, status->group});
  }

  const sys::Dir& root_;
  // Whether there are VFIO device nodes (Linux 6.6). Reading their names is half the cost of a full listing.
  bool has_cdevs_;
  std::map<uid_t, std::string> users_;
  std::map<gid_t, std::string> groups_;
};

// The number of aggregated instances is in one of these files.
constexpr std::array units_names{"aggregated_instances", "instances", "mdev/aggregated_instances"};

// Files that only devices of some drivers have, as bits. A driver gives all devices of a type the same files
// (dev_groups of the mdev driver), so the first device of a type shows which of them the others lack: looking
// for each file of each device would be most of the cost of a complete listing.
using Files = std::uint8_t;
constexpr Files has_units = 1;
constexpr Files has_online = 2;
constexpr Files has_peers = 4;

// A directory with devices: that of a parent, or of a virtual function of a GPU.
struct Siblings {
  std::string path;                     // below the root
  std::optional<sys::Dir> directory{};  // absent: it does not exist any more
  std::optional<ParentName> parent{};   // absent: its name is not valid
  std::string vf{};                     // address of the virtual function
  std::map<TypeName, Files> files{};    // files of the first device of a type
};

// A device on the bus.
struct NamedUuid {
  Uuid uuid;
  std::string name{};            // on the bus, if that is not the UUID
  Siblings* siblings = nullptr;  // where it is, once that was read
  const ListedDevices::TypeDirectory* listed = nullptr;
};

// Reads devices relative to their common directory, which is opened once per parent: resolving long paths is
// most of the cost of reading thousands of devices.
class DeviceReader {
 public:
  DeviceReader(const sys::Dir& root, const sys::Dir& bus, const Scope& scope)
      : root_(root),
        bus_(bus),
        facets_(scope.facets),
        is_raw_(scope.raw),
        nodes_(root, has(scope.facets, Facet::nodes)) {}

  // Returns where a listed device is.
  Siblings* at(const ListedDevices::TypeDirectory& listed) {
    const auto known = listed_.find(&listed);
    Siblings* siblings = known != listed_.end()
                             ? known->second
                             : listed_.emplace(&listed, &directory_at(listed.directory)).first->second;
    return siblings->parent ? siblings : nullptr;
  }

  // Returns where the device with this name on the bus is, or nullptr if it no longer exists.
  Siblings* find(const std::string& id) {
    const auto link = bus_.read_link(id, target_);
    if (!link) {
      return nullptr;
    }
    const std::string_view directory = directory_of(*link);
    const auto known = links_.find(directory);
    Siblings* siblings =
        known != links_.end()
            ? known->second
            : links_.emplace(directory, &directory_at(resolve_link(devices_directory, directory)))
                  .first->second;
    return siblings->parent ? siblings : nullptr;
  }

  // Adds a device in the directory that find() has returned, unless it no longer exists.
  void read(const NamedUuid& named, const std::string& id, std::vector<Device>& into) {
    Siblings& siblings = *named.siblings;
    Device& device = into.emplace_back(Device{.uuid = named.uuid, .parent = *siblings.parent});
    device.path.reserve(siblings.path.size() + 1 + id.size());
    device.path.append(siblings.path).append("/").append(id);
    device.name = named.name;
    device.vf = siblings.vf;
    if (named.listed != nullptr) {
      device.type = named.listed->type;
    }
    if (siblings.directory) {
      read_links(siblings, id, device);
      // Not every interface has the link to the type.
      if (!device.type && !siblings.directory->exists(id)) {
        into.pop_back();
        return;
      }
      if (has(facets_, Facet::nodes)) {
        nodes_.read(*siblings.directory, device);
      }
    }
  }

  // Reads the links and nodes of a VF whose path and type are known.
  void read_function(Device& device) {
    Siblings& siblings = directory_at(std::string(directory_of(device.path)));
    if (siblings.directory) {
      read_links(siblings, device.name, device);
      if (has(facets_, Facet::nodes)) {
        nodes_.read(*siblings.directory, device);
      }
    }
  }

 private:
  static std::optional<std::uint64_t> units_of(const sys::Dir& siblings, const std::string& id) {
    for (const char* file : units_names) {
      if (const auto units = read_number(siblings, fmt::format("{}/{}", id, file))) {
        return units;
      }
    }
    return std::nullopt;
  }

  // Kernels before 6.10 list queues in a file of at most one page.
  static std::optional<ApMatrix> read_queues(const sys::Dir& siblings, const std::string& id,
                                             QueueChanges& changes) {
    if (const auto config = read_optional(siblings, id + "/ap_config")) {
      changes = QueueChanges::atomic;
      return read_ap_config(*config);
    }
    changes = siblings.exists(id + "/guest_matrix") ? QueueChanges::single : QueueChanges::idle;
    const auto matrix = read_optional(siblings, id + "/matrix");
    const auto control = read_optional(siblings, id + "/control_domains");
    return matrix && control && !may_be_cut(*matrix) ? read_ap_files(*matrix, *control) : std::nullopt;
  }

  Siblings& directory_at(const std::string& path) {
    const auto known = directories_.find(path);
    if (known != directories_.end()) {
      return known->second;
    }
    Siblings siblings{.path = path};
    // One form of the flat interface has a directory between a parent and its devices.
    const std::string_view name = last_component(path);
    siblings.parent = ParentName::parse(name == "mdev-host" ? last_component(directory_of(path)) : name);
    if (sys::Result<sys::Dir> opened = checked(root_.open_dir(path))) {
      const auto gpu = is_raw_ ? std::nullopt : physical_function(*opened);
      const auto owner = gpu ? ParentName::parse(*gpu) : std::nullopt;
      if (owner && siblings.parent) {
        siblings.vf = siblings.parent->str();
        siblings.parent = owner;
      }
      siblings.directory = *std::move(opened);
    }
    return directories_.emplace(path, std::move(siblings)).first->second;
  }

  void read_links(Siblings& siblings, const std::string& id, Device& device) {
    const sys::Dir& directory = *siblings.directory;
    if (!device.type) {
      file_.assign(id).append("/mdev_type");
      const auto type = directory.read_link(file_, target_);
      device.type = type ? TypeName::parse(last_component(*type)) : std::nullopt;
    }
    if (has_any(facets_, Facet::iommu_group | Facet::nodes | Facet::holders)) {
      if (const auto group = link_name(directory, id + "/iommu_group")) {
        device.iommu_group = parse_decimal(*group);
      }
    }
    if (has(facets_, Facet::driver)) {
      device.driver = link_name(directory, id + "/driver");
    }
    if (has(facets_, Facet::queues) && device.type && has_queues(device.type->str())) {
      device.queues = read_queues(directory, id, device.queue_changes);
      device.queues_unreadable = !device.queues;
    }
    read_optional_files(siblings, id, device);
  }

  // Reads the files that only some drivers have.
  void read_optional_files(Siblings& siblings, const std::string& id, Device& device) {
    Files files = static_cast<Files>((has(facets_, Facet::units) ? has_units : 0) |
                                     (has(facets_, Facet::online) ? has_online : 0) |
                                     (has(facets_, Facet::peers) ? has_peers : 0));
    if (files == 0) {
      return;
    }
    files = static_cast<Files>(files & files_of(siblings, id, device.type));
    const sys::Dir& directory = *siblings.directory;
    if ((files & has_units) != 0) {
      device.units = units_of(directory, id);
    }
    if ((files & has_online) != 0) {
      const auto online = read_number(directory, id + "/online");
      device.online = online ? std::optional(*online != 0) : std::nullopt;
    }
    if ((files & has_peers) != 0) {
      const auto peers = read_optional(directory, fmt::format("{}/{}", id, peers_file));
      device.peers = peers ? Uuid::parse(*peers) : std::nullopt;
    }
  }

  // Returns the files that the device may have: those that the first device of its type has.
  static Files files_of(Siblings& siblings, const std::string& id, const std::optional<TypeName>& type) {
    constexpr Files all = has_units | has_online | has_peers;
    if (!type) {
      return all;
    }
    if (const auto known = siblings.files.find(*type); known != siblings.files.end()) {
      return known->second;
    }
    const sys::Dir& directory = *siblings.directory;
    const sys::Result<std::uint64_t> before = directory.inode(id);
    Files found = directory.exists(id + "/online") ? has_online : Files{0};
    if (directory.exists(fmt::format("{}/{}", id, peers_file))) {
      found |= has_peers;
    }
    for (const char* file : units_names) {
      if (directory.exists(fmt::format("{}/{}", id, file))) {
        found |= has_units;
      }
    }
    // A device that is not bound to its driver, or has just been removed, does not have the driver's files.
    const bool is_bound = directory.exists(id + "/driver");
    const sys::Result<std::uint64_t> after = directory.inode(id);
    if (!is_bound || !before || !after || *before != *after) {
      return all;
    }
    siblings.files.emplace(*type, found);
    return found;
  }

  // Finds texts without a copy.
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  const sys::Dir& root_;
  const sys::Dir& bus_;
  Facet facets_;
  bool is_raw_;
  NodeReader nodes_;
  std::map<std::string, Siblings> directories_;
  // The same by the directories of links on the bus.
  std::unordered_map<std::string, Siblings*, TextHash, std::equal_to<>> links_;
  std::unordered_map<const ListedDevices::TypeDirectory*, Siblings*> listed_;
  sys::LinkTarget target_{};
  std::string file_{};
};

// Returns the devices of both, which are sorted.
std::vector<Device> merged(std::vector<Device> a, std::vector<Device> b) {
  if (a.empty() || b.empty()) {
    return a.empty() ? std::move(b) : std::move(a);
  }
  std::vector<Device> result;
  result.reserve(a.size() + b.size());
  std::merge(std::make_move_iterator(a.begin()), std::make_move_iterator(a.end()),
             std::make_move_iterator(b.begin()), std::make_move_iterator(b.end()), std::back_inserter(result),
             by_parent);
  return result;
}

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
      result.push_back({uuid, record != nullptr ? record->name : std::string{}});
    }
    return result;
  }
  std::string text;
  const auto add = [&](std::string_view name) {
    const auto plain = Uuid::parse(name);
    if (const auto uuid = plain || scope.bus_only ? plain : uuid_of(std::string(name), scope.known)) {
      text.clear();
      uuid->append_to(text);
      result.push_back({*uuid, std::string(name == text ? std::string_view{} : name)});
    } else if (scope.bus_only) {
      nameless.emplace_back(name);
    }
  };
  bus.each_name(add).or_throw("cannot list mediated devices in '{}'", bus.path());
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
      result.push_back({*uuid, std::move(entry.name)});
    }
  }
  return result;
}

// Returns the devices that have been found, sorted by parent, then UUID.
std::vector<const NamedUuid*> in_order(std::span<const NamedUuid> names) {
  std::map<std::string_view, std::uint32_t> ranks;  // of parents
  for (const NamedUuid& one : names) {
    if (one.siblings != nullptr) {
      ranks.emplace(one.siblings->parent->str(), 0);
    }
  }
  std::uint32_t next = 0;
  for (auto& [parent, rank] : ranks) {
    rank = next++;
  }
  struct Key {
    std::uint32_t rank;
    std::uint32_t index;
    Uuid uuid;
  };
  std::vector<Key> keys;
  keys.reserve(names.size());
  const Siblings* last = nullptr;
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].siblings == nullptr) {
      continue;
    }
    if (names[i].siblings != last) {
      last = names[i].siblings;
      rank = ranks.find(last->parent->str())->second;
    }
    keys.push_back({rank, static_cast<std::uint32_t>(i), names[i].uuid});
  }
  std::sort(keys.begin(), keys.end(),
            [](const Key& a, const Key& b) { return a.rank != b.rank ? a.rank < b.rank : a.uuid < b.uuid; });
  std::vector<const NamedUuid*> result;
  result.reserve(keys.size());
  std::transform(keys.begin(), keys.end(), std::back_inserter(result),
                 [&](const Key& key) { return &names[key.index]; });
  return result;
}

// Returns the devices that exist, sorted by parent, then UUID. Sorts before it reads them completely, because
// moving devices costs more.
std::vector<Device> read_some(const sys::Dir& root, const sys::Dir& bus, std::span<NamedUuid> names,
                              const Scope& scope) {
  DeviceReader devices(root, bus, scope);
  std::string id;
  const auto name_of = [&](const NamedUuid& one) -> const std::string& {
    if (!one.name.empty()) {
      return one.name;
    }
    id.clear();
    one.uuid.append_to(id);
    return id;
  };
  for (NamedUuid& one : names) {
    one.siblings = one.listed != nullptr ? devices.at(*one.listed) : devices.find(name_of(one));
  }
  std::vector<Device> result;
  result.reserve(names.size());
  for (const NamedUuid* one : in_order(names)) {
    devices.read(*one, name_of(*one), result);
  }
  return result;
}

// Facets that are read from the directory of each device.
constexpr Facet facets_of_each_device = Facet::iommu_group | Facet::nodes | Facet::holders | Facet::driver |
                                        Facet::units | Facet::queues | Facet::online | Facet::peers;

// Number of devices for which a further thread pays off: reading one takes the kernel only a few
// microseconds.
constexpr std::size_t devices_a_thread = 1500;

std::vector<Device> read_bus(const sys::Dir& root, const sys::Dir& bus, const Scope& scope,
                             std::vector<std::string>& nameless) {
  std::vector<NamedUuid> names = devices_to_read(bus, scope, nameless);
  const ListedDevices listed = scope.devices ? ListedDevices{} : ListedDevices::read(root, names.size());
  std::size_t to_read = 0;
  for (NamedUuid& one : names) {
    one.listed = one.name.empty() ? listed.find(one.uuid) : nullptr;
    to_read += one.listed == nullptr || has_any(scope.facets, facets_of_each_device) ? 1U : 0U;
  }
  const std::size_t processors = std::max(std::thread::hardware_concurrency(), 1U);
  const std::size_t threads = std::min(processors, to_read / devices_a_thread + 1);
  const std::size_t share = names.size() / threads;
  std::vector<std::vector<Device>> parts(threads);
  sys::for_each_in_parallel(threads, [&](std::size_t i) {
    const std::size_t count = i + 1 == threads ? names.size() - i * share : share;
    parts[i] = read_some(root, bus, std::span(names).subspan(i * share, count), scope);
  });
  std::vector<Device> result;
  for (std::vector<Device>& part : parts) {
    result = merged(std::move(result), std::move(part));
  }
  std::vector<NamedUuid> more = devices_by_other_names(bus, scope, result);
  return merged(std::move(result), read_some(root, bus, more, scope));
}

// Parents to search for devices on VFs: a requested device may be on any parent that its record names.
std::optional<std::vector<ParentName>> function_parents_for(const Scope& scope) {
  if (scope.other_parents || !scope.details_of) {
    return std::nullopt;
  }
  std::vector<ParentName> parents = *scope.details_of;
  for (const Records* records : {&scope.known, &scope.expected}) {
    for (const Record& record : records->all) {
      parents.push_back(record.parent);
    }
  }
  return parents;
}

// Returns the record of the device on a VF, or what a definition expects; nullptr if another program has
// assigned the type. A record of another type is out of date: another program has changed the VF since.
const Record* owner_of(const Function& function, const Scope& scope) {
  for (const Records* records : {&scope.known, &scope.expected}) {
    for (const Record& record : records->all) {
      if (function.type && record.kernel_name() == function.address &&
          same_type(record.type.str(), function.type->str())) {
        return &record;
      }
    }
  }
  return nullptr;
}

// Returns the UUID of a device that another program has assigned to a VF. It is derived from the address, so
// it is the same whenever the device is read. A definition that was made of such a device keeps this UUID
// when it is given another VF, and is then another device than the one that comes to the old VF later. As
// long as it reserves the VF, the device is its own, with another type.
Uuid unmanaged_uuid(const std::string& address, const Scope& scope) {
  const auto is_taken = [&](const Uuid& uuid) {
    const Record* known = scope.known.find(uuid);
    const auto reserves = [&](const Record& one) { return one.uuid == uuid && one.kernel_name() == address; };
    return (known != nullptr && known->kernel_name() != address) ||
           (std::binary_search(scope.defined.begin(), scope.defined.end(), uuid) &&
            std::none_of(scope.expected.all.begin(), scope.expected.all.end(), reserves));
  };
  Uuid uuid = Uuid::of_name(address);
  for (unsigned next = 2; is_taken(uuid); ++next) {
    uuid = Uuid::of_name(fmt::format("{} {}", address, next));
  }
  return uuid;
}

// Adds the devices on VFs.
void add_functions(const sys::Dir& root, const Scope& scope, std::map<std::string, ParentName>& functions,
                   std::vector<Device>& into) {
  for (FunctionParent& found : function_parents(root, function_parents_for(scope))) {
    auto sysfs = find_parent(root, found.name);
    const auto parent = ParentName::parse(found.name);
    if (!sysfs || !parent) {
      continue;
    }
    sysfs->function_links = std::move(found.function_links);
    DeviceReader reader(root, sysfs->directory, scope);
    for (const Function& function : read_functions(*sysfs, false)) {
      functions.emplace(function.address, *parent);
      const Record* record = owner_of(function, scope);
      const bool ours = record != nullptr;
      const Uuid uuid = ours ? record->uuid : unmanaged_uuid(function.address, scope);
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
      into.push_back(std::move(device));
    }
  }
}

}  // namespace

void add_records(const Records& known, std::vector<Device>& devices) {
  if (known.all.empty()) {
    return;
  }
  for (Device& device : devices) {
    const Record* record = known.find(device.uuid);
    if (record == nullptr || record->parent != device.parent) {
      continue;
    }
    // A record of another type is out of date, and is deleted with the next stop.
    device.has_record = true;
    if (!device.type || *device.type == record->type) {
      device.type = record->type;
      device.unfinished = !record->finished;
      device.start_took = record->took;
    }
  }
}

bool may_be_cut(std::string_view matrix) {
  constexpr std::size_t page = 4096;
  return matrix.size() + Apqn{}.str().size() + 1 >= page;  // another line would not fit
}

std::vector<Device> sorted(std::vector<Device> devices) {
  sort_moving_once(devices, by_parent);
  return devices;
}

std::vector<Device> read_devices(const sys::Dir& root, const Scope& scope, Snapshot& seen) {
  const sys::Result<sys::Dir> bus = checked(root.open_dir(devices_directory));
  if (!bus && !sys::is_absence(bus.error().number)) {
    sys::throw_error(bus.error(), fmt::format("cannot list mediated devices in '{}'", bus.error().path));
  }
  std::vector<Device> result = bus ? read_bus(root, *bus, scope, seen.nameless) : std::vector<Device>{};
  // If all requested devices were found, the GPUs need not be searched.
  if (!scope.bus_only && (!scope.devices || result.size() < scope.devices->size())) {
    add_functions(root, scope, seen.functions, result);
  }
  add_records(scope.known, result);
  return sorted(std::move(result));
}

}  // namespace mdevadm
