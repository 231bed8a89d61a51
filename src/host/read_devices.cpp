#include "read_devices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mdevadm/sys/parallel.hpp>
#include <mdevadm/util/sort.hpp>
#include <mdevadm/util/text.hpp>
#include <memory>
#include <thread>

#include "device_reader.hpp"
#include "interface.hpp"
#include "listed_devices.hpp"
#include "paths.hpp"

namespace mdevadm {

bool has_all(const Scope& scope, const std::vector<Device>& devices) {
  if (scope.devices) {
    return devices.size() >= scope.devices->size();
  }
  const std::vector<Definition>* wanted = scope.sufficient;
  return wanted != nullptr && !wanted->empty() &&
         std::includes(devices.begin(), devices.end(), wanted->begin(), wanted->end(), by_parent);
}

namespace {

// Not a vector, which is in memory twice while it grows.
using NamedUuids = std::deque<NamedUuid>;

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

NamedUuids devices_to_read(const sys::Dir& bus, const Scope& scope, std::vector<std::string>& nameless) {
  NamedUuids result;
  if (scope.devices) {
    for (const Uuid& uuid : *scope.devices) {
      const Record* record = scope.known.find(uuid);
      result.push_back({uuid, record != nullptr ? RareText(record->name) : RareText()});
    }
    return result;
  }
  std::string text;
  const auto add = [&](std::string_view name) {
    const auto plain = Uuid::parse(name);
    if (const auto uuid = plain || scope.bus_only ? plain : uuid_of(std::string(name), scope.known)) {
      text.clear();
      uuid->append_to(text);
      result.push_back({*uuid, name == text ? RareText() : RareText(std::string(name))});
    } else if (scope.bus_only) {
      nameless.emplace_back(name);
    }
  };
  bus.each_name(add).or_throw("cannot list mediated devices in '{}'", bus.path());
  return result;
}

// Returns the requested devices that exist under another name than their UUID.
NamedUuids devices_by_other_names(const sys::Dir& bus, const Scope& scope, const std::vector<Device>& found) {
  NamedUuids result;
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
std::vector<const NamedUuid*> in_order(const NamedUuids& names) {
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
  const auto less = [](const Key& a, const Key& b) {
    return a.rank != b.rank ? a.rank < b.rank : a.uuid < b.uuid;
  };
  if (!std::is_sorted(keys.begin(), keys.end(), less)) {
    std::sort(keys.begin(), keys.end(), less);
  }
  std::vector<const NamedUuid*> result;
  result.reserve(keys.size());
  std::transform(keys.begin(), keys.end(), std::back_inserter(result),
                 [&](const Key& key) { return &names[key.index]; });
  return result;
}

// Reads devices with several threads.
class ParallelReader {
 public:
  ParallelReader(const sys::Dir& root, const sys::Dir& bus, const Scope& scope, const Parts& parts,
                 std::size_t threads)
      : parts_(parts) {
    for (std::size_t i = 0; i < threads; ++i) {
      readers_.push_back(std::make_unique<DeviceReader>(root, bus, scope));
    }
  }

  // Returns the devices that exist, sorted by parent, then UUID. Sorts before it reads them completely, so
  // that no device is in memory twice.
  std::vector<Device> read(NamedUuids& names) {
    in_parallel(names.size(), [&](DeviceReader& reader, std::size_t first, std::size_t end) {
      std::string id;
      for (std::size_t i = first; i < end; ++i) {
        NamedUuid& one = names[i];
        parts_.read([&] {
          one.siblings = one.listed != nullptr ? reader.at(*one.listed) : reader.find(name_of(one, id));
        });
      }
    });
    const std::vector<const NamedUuid*> order = in_order(names);
    std::vector<Device> devices;
    devices.reserve(order.size());
    for (const NamedUuid* one : order) {
      devices.push_back(Device{.uuid = one->uuid, .parent = *one->siblings->parent});
    }
    std::vector<char> is_gone(order.size(), 1);
    in_parallel(order.size(), [&](DeviceReader& reader, std::size_t first, std::size_t end) {
      std::string id;
      for (std::size_t i = first; i < end; ++i) {
        parts_.read([&] { is_gone[i] = reader.read(*order[i], name_of(*order[i], id), devices[i]) ? 0 : 1; });
      }
    });
    std::size_t next = 0;
    std::erase_if(devices, [&](const Device&) { return is_gone[next++] != 0; });
    return devices;
  }

 private:
  // Calls `use` with a reader and its share of the numbers below `count`, in each thread.
  template <typename Use>
  void in_parallel(std::size_t count, const Use& use) {
    sys::for_each_in_parallel(readers_.size(), [&](std::size_t i) {
      use(*readers_[i], i * count / readers_.size(), (i + 1) * count / readers_.size());
    });
  }

  // Returns the name on the bus, in `text` if it is the UUID.
  static const std::string& name_of(const NamedUuid& one, std::string& text) {
    if (!one.name.empty()) {
      return one.name.str();
    }
    text.clear();
    one.uuid.append_to(text);
    return text;
  }

  const Parts& parts_;
  std::vector<std::unique_ptr<DeviceReader>> readers_{};
};

// Facets that are read from the directory of each device.
constexpr Facet facets_of_each_device = Facet::iommu_group | Facet::nodes | Facet::holders | Facet::driver |
                                        Facet::units | Facet::queues | Facet::online | Facet::peers;

// Number of devices for which a further thread pays off: reading one takes the kernel only a few
// microseconds.
constexpr std::size_t devices_a_thread = 1500;

// `listed` is where `names` refer to.
std::vector<Device> read_named(const sys::Dir& root, const sys::Dir& bus, const Scope& scope,
                               const Parts& parts, NamedUuids& names, ListedDevices& listed) {
  std::size_t to_read = 0;
  for (const NamedUuid& one : names) {
    to_read += one.listed == nullptr || has_any(scope.facets, facets_of_each_device) ? 1U : 0U;
  }
  listed.forget_devices();
  std::size_t threads = to_read / devices_a_thread + 1;
  if (threads > 1) {  // finding the number of processors reads files
    threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, threads);
  }
  return ParallelReader(root, bus, scope, parts, threads).read(names);
}

// Returns whether it is likely that the list of the bus is not needed.
bool may_suffice(const sys::Dir& bus, const std::vector<Definition>* wanted) {
  constexpr std::size_t few = 100;  // for which the list of the bus is short, too
  return wanted != nullptr && wanted->size() >= few && bus.exists(wanted->front().uuid.str()) &&
         bus.exists(wanted->back().uuid.str());
}

// Returns the devices of the definitions, or nothing if one of them is not listed.
NamedUuids listed_devices_of(const std::vector<Definition>& definitions, const ListedDevices& listed) {
  NamedUuids names;
  for (const Definition& definition : definitions) {
    const ListedDevices::TypeDirectory* place = listed.find(definition.uuid);
    if (place == nullptr) {
      return {};
    }
    names.push_back({definition.uuid, {}, nullptr, place});
  }
  return names;
}

std::vector<Device> read_bus(const sys::Dir& root, const sys::Dir& bus, const Scope& scope,
                             const Parts& parts, std::vector<std::string>& nameless) {
  std::optional<ListedDevices> listed;
  if (may_suffice(bus, scope.sufficient)) {
    listed = ListedDevices::read(root, scope.sufficient->size());
    if (NamedUuids names = listed_devices_of(*scope.sufficient, *listed); !names.empty()) {
      std::vector<Device> result = read_named(root, bus, scope, parts, names, *listed);
      if (has_all(scope, result)) {
        return result;
      }
      listed.reset();  // a device is on another parent than that of its definition
    }
  }
  NamedUuids names = devices_to_read(bus, scope, nameless);
  if (!listed || listed->empty()) {
    listed = scope.devices ? ListedDevices{} : ListedDevices::read(root, names.size());
  }
  for (NamedUuid& one : names) {
    one.listed = one.name.empty() ? listed->find(one.uuid) : nullptr;
  }
  std::vector<Device> result = read_named(root, bus, scope, parts, names, *listed);
  NamedUuids more = devices_by_other_names(bus, scope, result);
  return more.empty() ? std::move(result)
                      : merged(std::move(result), ParallelReader(root, bus, scope, parts, 1).read(more));
}

// Parents to search for devices on VFs: a requested device may be on any parent that its record names.
std::optional<std::vector<ParentName>> function_parents_for(const Scope& scope) {
  if (scope.other_parents || !scope.details_of) {
    return std::nullopt;
  }
  std::vector<ParentName> parents = *scope.details_of;
  for (const Record& record : scope.known.all) {
    parents.push_back(record.parent);
  }
  return parents;
}

// Returns the record of the device on a VF; nullptr if another program has assigned the type. Only a record
// proves that mdevadm has: a definition that reserves the VF does not. A record of another type, or of a VF
// that was enabled again, is out of date.
const Record* owner_of(const sys::Dir& root, const Function& function, const Scope& scope) {
  for (const Record& record : scope.known.all) {
    if (function.type && record.kernel_name() == function.address &&
        same_type(record.type.str(), function.type->str()) &&
        (!record.inode || record.inode == inode_of_function(root, function.address))) {
      return &record;
    }
  }
  return nullptr;
}

// Returns the UUID of a device that another program has assigned to a VF. It is derived from the address, so
// it is the same whenever the device is read. A definition that was made of such a device has this UUID, and
// is then another device than the one that another program assigns later.
Uuid unmanaged_uuid(const std::string& address, const Scope& scope) {
  const auto is_taken = [&](const Uuid& uuid) {
    const Record* known = scope.known.find(uuid);
    return (known != nullptr && known->kernel_name() != address) ||
           std::binary_search(scope.defined.begin(), scope.defined.end(), uuid);
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
      const Record* record = owner_of(root, function, scope);
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

std::vector<Device> sorted(std::vector<Device> devices) {
  sort_moving_once(devices, by_parent);
  return devices;
}

std::vector<Device> read_devices(const sys::Dir& root, const Scope& scope, Snapshot& seen,
                                 const Parts& parts) {
  std::vector<Device> result;
  parts.read([&] {
    const sys::Result<sys::Dir> bus = checked(root.open_dir(devices_directory));
    if (!bus && !sys::is_absence(bus.error().number)) {
      sys::throw_error(bus.error(), fmt::format("cannot list mediated devices in '{}'", bus.error().path));
    }
    result = bus ? read_bus(root, *bus, scope, parts, seen.nameless) : std::vector<Device>{};
  });
  // If all requested devices were found, the GPUs need not be searched.
  if (!scope.bus_only && !scope.no_functions && !has_all(scope, result)) {
    parts.read([&] { add_functions(root, scope, seen.functions, result); });
  }
  add_records(scope.known, result);
  return sorted(std::move(result));
}

}  // namespace mdevadm
