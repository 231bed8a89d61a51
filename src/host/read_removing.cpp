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
std::vector<DeviceDirectory> device_directories(const sys::Dir& root, const Scope& scope) {
  std::vector<DeviceDirectory> result;
  if (scope.details_of && !scope.other_parents) {
    for (const ParentName& name : *scope.details_of) {
      add_device_directories(root, name.str(), scope.raw, result);
    }
    return result;
  }
  const sys::Result<sys::Dir> directory = checked(root.open_dir(parents_directory));
  auto entries = checked(sys::entries_of(directory));
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    add_device_directories(root, entry.name, scope.raw, result);
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
  for (const DeviceDirectory& source : device_directories(root, scope)) {
    const sys::Result<sys::Dir> directory = checked(root.open_dir(source.path));
    if (!directory) {
      continue;
    }
    const auto [first, last] = std::equal_range(devices.begin(), devices.end(), source.parent, ByParent{});
    std::vector<Uuid> on_bus;  // sorted; devices are large, so that searching them would be slower
    std::transform(first, last, std::back_inserter(on_bus), [](const Device& one) { return one.uuid; });
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
      result.push_back(std::move(device));
    };
    const sys::Result<sys::Done> all = directory->each_name(add);
    // A parent that goes away has no pending removals.
    if (!all && !sys::is_absence(all.error().number)) {
      sys::throw_error(all.error(), fmt::format("cannot list devices in '{}'", directory->path()));
    }
  }
  add_records(scope.known, result);
  return sorted(std::move(result));
}

}  // namespace mdevadm
