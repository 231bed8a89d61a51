#include "device_reader.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/util/text.hpp>
#include <memory>

#include "interface.hpp"
#include "paths.hpp"

namespace mdevadm {

namespace {

// The number of aggregated instances is in one of these files.
constexpr std::array units_names{"aggregated_instances", "instances", "mdev/aggregated_instances"};

constexpr OptionalFiles has_units = 1;
constexpr OptionalFiles has_online = 2;
constexpr OptionalFiles has_peers = 4;

std::optional<std::uint64_t> units_of(const sys::Dir& siblings, const std::string& id) {
  for (const char* file : units_names) {
    if (const auto units = read_number(siblings, fmt::format("{}/{}", id, file))) {
      return units;
    }
  }
  return std::nullopt;
}

// Kernels before 6.10 list queues in a file of at most one page.
std::optional<ApMatrix> read_queues(const sys::Dir& siblings, const std::string& id, QueueChanges& changes) {
  if (const auto config = read_optional(siblings, id + "/ap_config")) {
    changes = QueueChanges::atomic;
    return read_ap_config(*config);
  }
  changes = siblings.exists(id + "/guest_matrix") ? QueueChanges::single : QueueChanges::idle;
  const auto matrix = read_optional(siblings, id + "/matrix");
  const auto control = read_optional(siblings, id + "/control_domains");
  return matrix && control && !may_be_cut(*matrix) ? read_ap_files(*matrix, *control) : std::nullopt;
}

// Returns the files that the device may have: those that the first device of its type has.
OptionalFiles files_of(Siblings& siblings, const std::string& id, const std::optional<TypeName>& type) {
  constexpr OptionalFiles all = has_units | has_online | has_peers;
  if (!type) {
    return all;
  }
  if (const auto known = siblings.files.find(*type); known != siblings.files.end()) {
    return known->second;
  }
  const sys::Dir& directory = *siblings.directory;
  const sys::Result<std::uint64_t> before = directory.inode(id);
  OptionalFiles found = directory.exists(id + "/online") ? has_online : OptionalFiles{0};
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

}  // namespace

NodeReader::NodeReader(const sys::Dir& root, bool is_used)
    : root_(root), has_cdevs_(is_used && root.exists(cdev_directory())) {}

void NodeReader::read(const sys::Dir& siblings, Device& device) {
  if (device.iommu_group) {
    add(device, Node::Kind::group, group_node_path(*device.iommu_group));
  }
  if (const auto cdev = has_cdevs_ ? cdev_name(siblings, last_component(device.path.str())) : std::nullopt) {
    add(device, Node::Kind::cdev, cdev_node_path(*cdev));
  }
}

void NodeReader::add(Device& device, Node::Kind kind, const std::string& path) {
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
  device.nodes.made().push_back({kind, "/" + path, cached_name(users_, status->owner, sys::user_name),
                                 cached_name(groups_, status->group, sys::group_name), status->mode & 07777,
                                 status->owner, status->group});
}

DeviceReader::DeviceReader(const sys::Dir& root, const sys::Dir& bus, const Scope& scope)
    : root_(root),
      bus_(bus),
      facets_(scope.facets),
      is_raw_(scope.raw),
      nodes_(root, has(scope.facets, Facet::nodes)) {}

const Siblings* DeviceReader::at(const ListedDevices::TypeDirectory& listed) {
  const auto known = listed_.find(&listed);
  Siblings* siblings = known != listed_.end()
                           ? known->second
                           : listed_.emplace(&listed, &directory_at(listed.directory)).first->second;
  return siblings->parent ? siblings : nullptr;
}

const Siblings* DeviceReader::find(const std::string& id) {
  auto link = bus_.read_link(id, target_);
  std::string again;
  if (!link) {
    sys::Result<std::string> target = answered(bus_.read_link(id));  // throws Error if the device may exist
    if (!target) {
      return nullptr;
    }
    again = *std::move(target);
    link = again;
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

bool DeviceReader::read(const NamedUuid& named, const std::string& id, Device& device) {
  // Devices of a directory follow each other.
  if (named.siblings != others_) {
    others_ = named.siblings;
    own_ = &directory_at(*others_->path);
  }
  Siblings& siblings = *own_;
  device.path =
      named.name.empty() ? DevicePath(siblings.path, named.uuid) : DevicePath(*siblings.path + "/" + id);
  device.name = named.name;
  device.vf = siblings.vf;
  if (named.listed != nullptr) {
    device.type = named.listed->type;
  }
  if (siblings.directory) {
    read_links(siblings, id, device);
    // Not every interface has the link to the type.
    if (!device.type && !siblings.directory->exists(id)) {
      return false;
    }
    if (has(facets_, Facet::nodes)) {
      nodes_.read(*siblings.directory, device);
    }
  }
  return true;
}

void DeviceReader::read_function(Device& device) {
  Siblings& siblings = directory_at(std::string(directory_of(device.path.str())));
  if (siblings.directory) {
    read_links(siblings, device.name, device);
    if (has(facets_, Facet::nodes)) {
      nodes_.read(*siblings.directory, device);
    }
  }
}

Siblings& DeviceReader::directory_at(const std::string& path) {
  const auto known = directories_.find(path);
  if (known != directories_.end()) {
    return known->second;
  }
  Siblings siblings{.path = std::make_shared<const std::string>(path)};
  // One form of the flat interface has a directory between a parent and its devices.
  const std::string_view name = last_component(path);
  siblings.parent = ParentName::parse(name == "mdev-host" ? last_component(directory_of(path)) : name);
  if (sys::Result<sys::Dir> opened = answered(root_.open_dir(path))) {
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

// Return the name of a driver or a type. Most devices have those of the one before.
SharedText DeviceReader::shared(const std::optional<std::string>& driver) {
  if (driver && (last_driver_ == nullptr || *last_driver_ != *driver)) {
    last_driver_ = std::make_shared<const std::string>(*driver);
  }
  return driver ? last_driver_ : nullptr;
}

std::optional<TypeName> DeviceReader::shared_type(std::string_view type) {
  if (!last_type_ || last_type_->str() != type) {
    last_type_ = TypeName::parse(type);
  }
  return last_type_;
}

void DeviceReader::read_links(Siblings& siblings, const std::string& id, Device& device) {
  const sys::Dir& directory = *siblings.directory;
  if (!device.type) {
    file_.assign(id).append("/mdev_type");
    const auto type = directory.read_link(file_, target_);
    device.type = type ? shared_type(last_component(*type)) : std::nullopt;
  }
  if (has_any(facets_, Facet::iommu_group | Facet::nodes | Facet::holders)) {
    if (const auto group = link_name(directory, id + "/iommu_group")) {
      device.iommu_group = parse_decimal(*group);
    }
  }
  if (has(facets_, Facet::driver)) {
    device.driver = shared(link_name(directory, id + "/driver"));
  }
  if (has(facets_, Facet::queues) && device.type && has_queues(device.type->str())) {
    device.queues = read_queues(directory, id, device.queue_changes);
    device.queues_unreadable = !device.queues;
  }
  read_optional_files(siblings, id, device);
}

// Reads the files that only some drivers have.
void DeviceReader::read_optional_files(Siblings& siblings, const std::string& id, Device& device) {
  OptionalFiles files = static_cast<OptionalFiles>((has(facets_, Facet::units) ? has_units : 0) |
                                                   (has(facets_, Facet::online) ? has_online : 0) |
                                                   (has(facets_, Facet::peers) ? has_peers : 0));
  if (files == 0) {
    return;
  }
  files = static_cast<OptionalFiles>(files & files_of(siblings, id, device.type));
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

bool may_be_cut(std::string_view matrix) {
  constexpr std::size_t page = 4096;
  return matrix.size() + Apqn{}.str().size() + 1 >= page;  // another line would not fit
}

}  // namespace mdevadm
