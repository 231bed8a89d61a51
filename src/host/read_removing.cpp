#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>
#include <tuple>

#include "interface.hpp"
#include "paths.hpp"
#include "read_devices.hpp"

namespace mdevadm {

namespace {

// A directory in which the kernel makes the directories of devices: that of a parent, or of a virtual
// function of a GPU.
struct DeviceDirectory {
  std::string path;
  ParentName parent;
  std::string vf{};
};

void add_device_directories(const sys::Dir& root, const std::string& name, bool is_raw,
                            std::vector<DeviceDirectory>& into) {
  const auto sysfs = find_parent(root, name);
  const auto parent = ParentName::parse(name);
  if (!sysfs || !parent) {
    return;
  }
  if (const auto gpu = is_raw ? std::nullopt : physical_function(sysfs->directory)) {
    if (const auto owner = ParentName::parse(*gpu)) {
      into.push_back({sysfs->path, *owner, name});
      return;
    }
  }
  if (!is_raw && interface_of(*sysfs) == &function_mdevs_interface()) {
    for (const std::string& path : function_paths(*sysfs)) {
      into.push_back({path, *parent, std::string(last_component(path))});
    }
    return;
  }
  into.push_back({sysfs->path, *parent});
}

// Returns the directories to search for pending removals.
std::vector<DeviceDirectory> device_directories(const sys::Dir& root, const Scope& scope,
                                                const Parts& parts) {
  std::vector<DeviceDirectory> result;
  const auto add = [&](const std::string& name) {
    parts.read([&] { add_device_directories(root, name, scope.raw, result); });
  };
  if (scope.details_of && !scope.other_parents) {
    for (const ParentName& name : *scope.details_of) {
      add(name.str());
    }
    return result;
  }
  constexpr std::string_view cannot_list = "cannot list parents in";
  parts.read([&] {
    const sys::Result<sys::Dir> directory = answered(root.open_dir(parents_directory), cannot_list);
    const auto entries = answered(sys::entries_of(directory), cannot_list);
    for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
      add(entry.name);
    }
  });
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

// Adds the devices in one directory whose removal is pending. `on_bus`: sorted UUIDs of the others.
void add_removing(const sys::Dir& root, const Scope& scope, const DeviceDirectory& source,
                  const std::vector<Uuid>& on_bus, std::vector<Device>& into) {
  constexpr std::string_view cannot_list = "cannot list devices in";
  const sys::Result<sys::Dir> directory = answered(root.open_dir(source.path), cannot_list);
  if (!directory) {
    return;
  }
  const auto is_wanted = [&](const Uuid& uuid) {
    return !scope.devices ||
           std::find(scope.devices->begin(), scope.devices->end(), uuid) != scope.devices->end();
  };
  const auto add = [&](std::string_view entry) {
    const auto uuid = Uuid::parse(entry);
    if (!uuid || !is_wanted(*uuid) || std::binary_search(on_bus.begin(), on_bus.end(), *uuid) ||
        !is_removal(*directory, std::string(entry))) {
      return;
    }
    const std::string name(entry);
    Device device{.uuid = *uuid, .parent = source.parent, .path = source.path + "/" + name};
    device.vf = source.vf;
    device.removing = true;
    if (const auto group = link_name(*directory, name + "/iommu_group")) {
      device.iommu_group = parse_decimal(*group);
    }
    into.push_back(std::move(device));
  };
  const sys::Result<sys::Done> all = directory->each_name(add);
  // A parent that goes away has no pending removals.
  if (!all && !sys::is_absence(all.error().number)) {
    sys::throw_error(all.error(), fmt::format("{} '{}'", cannot_list, directory->path()));
  }
}

}  // namespace

std::vector<Device> read_removing(const sys::Dir& root, const Scope& scope,
                                  const std::vector<Device>& devices, const Parts& parts) {
  std::vector<Device> result;
  for (const DeviceDirectory& source : device_directories(root, scope, parts)) {
    const auto [first, last] = std::equal_range(devices.begin(), devices.end(), source.parent, ByParent{});
    std::vector<Uuid> on_bus;  // sorted; devices are large, so that searching them would be slower
    std::transform(first, last, std::back_inserter(on_bus), [](const Device& one) { return one.uuid; });
    parts.read([&] { add_removing(root, scope, source, on_bus, result); });
  }
  add_records(scope.known, result);
  return sorted(std::move(result));
}

}  // namespace mdevadm
