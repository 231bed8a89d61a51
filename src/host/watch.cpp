// Looks at single devices, at a cost that does not depend on the number of others.
#include <sys/stat.h>

#include <algorithm>
#include <mdevadm/host/host.hpp>
#include <mdevadm/sys/process.hpp>
#include <mdevadm/util/text.hpp>
#include <set>

#include "paths.hpp"

namespace mdevadm {

namespace {

// Names of all VFIO group nodes, by device number: "7", and "noiommu-0" of devices without IOMMU. Other names
// are those of the container and of the directory of device nodes.
std::map<dev_t, std::string> group_nodes(const sys::Dir& root) {
  std::map<dev_t, std::string> nodes;
  constexpr std::string_view cannot_list = "cannot list nodes in";
  const sys::Result<sys::Dir> directory = answered(root.open_dir(vfio_directory), cannot_list);
  const auto entries = answered(sys::entries_of(directory), cannot_list);
  if (!entries) {
    return nodes;
  }
  for (const sys::Entry& entry : *entries) {
    const sys::Result<sys::FileStatus> status = answered(directory->status(entry.name));
    const bool is_group = parse_decimal(entry.name) || entry.name.starts_with("noiommu-");
    if (is_group && status && S_ISCHR(status->mode)) {
      nodes.emplace(status->device_number, entry.name);
    }
  }
  return nodes;
}

// Number of devices of a group that a process can open: those with a driver that is not the one of bridges.
std::size_t devices_in_group(const sys::Dir& root, const std::string& group) {
  const std::string path = "sys/kernel/iommu_groups/" + group + "/devices";
  constexpr std::string_view cannot_list = "cannot list devices in";
  const sys::Result<sys::Dir> directory = answered(root.open_dir(path), cannot_list);
  const auto entries = answered(sys::entries_of(directory), cannot_list);
  std::size_t count = 0;
  if (entries) {
    for (const sys::Entry& entry : *entries) {
      const auto driver = link_name(*directory, entry.name + "/driver");
      count += driver && *driver != "pcieport" ? 1U : 0U;
    }
  }
  return std::max<std::size_t>(count, 1);
}

}  // namespace

std::optional<WatchedDevice> Host::device_at(const std::string& path) const {
  const auto uuid = Uuid::parse(last_component(path));
  const auto parent = ParentName::parse(last_component(directory_of(path)));
  const sys::Result<sys::Dir> directory = answered(root_->open_dir(path));
  if (!uuid || !parent || !directory) {
    return std::nullopt;
  }
  const std::optional<ParentName> gpu = gpu_of(*parent);
  WatchedDevice device{
      .uuid = *uuid, .parent = gpu.value_or(*parent), .vf = gpu ? parent->str() : std::string{}};
  if (const auto type = link_name(*directory, "mdev_type")) {
    device.type = TypeName::parse(*type);
  }
  const auto group = link_name(*directory, "iommu_group");
  if (const auto number = group ? parse_decimal(*group) : std::nullopt) {
    device.nodes.push_back("/" + group_node_path(*number));
  }
  if (const auto cdev = cdev_name(*root_, path)) {
    device.nodes.push_back("/" + cdev_node_path(*cdev));
  }
  return device;
}

std::size_t Host::unseen_processes() const {
  return sys::for_each_open_file([](const sys::OpenFile&) {});
}

DeviceUse Host::find_use(const std::map<std::string, WatchedDevice>& devices) const {
  DeviceUse use;
  std::multimap<dev_t, const std::string*> nodes;
  for (const auto& [path, device] : devices) {
    for (const std::string& node : device.nodes) {
      const sys::Result<sys::FileStatus> status = answered(root_->status(node.substr(1)));
      if (status && S_ISCHR(status->mode)) {
        nodes.emplace(status->device_number, &path);
      }
    }
  }
  if (devices.empty()) {
    return use;
  }
  const auto lock = lock_of_checks(*root_);
  const std::map<dev_t, std::string> groups = group_nodes(*root_);
  std::set<std::pair<int, dev_t>> counted;
  use.unseen_processes = sys::for_each_open_file([&](const sys::OpenFile& file) {
    if (file.anonymous == vfio_device_link) {
      ++use.open_devices[file.pid];
    }
    // A device that is open through its own node has no anonymous inode.
    const auto group = file.character_device ? groups.find(*file.character_device) : groups.end();
    if (group != groups.end() && counted.emplace(file.pid, group->first).second) {
      use.devices_with_node[file.pid] += devices_in_group(*root_, group->second);
    }
    const auto [first, last] = file.character_device ? nodes.equal_range(*file.character_device)
                                                     : std::pair(nodes.end(), nodes.end());
    for (auto node = first; node != last; ++node) {
      std::vector<Holder>& users = use.by_node[*node->second];
      if (std::none_of(users.begin(), users.end(), [&](const Holder& one) { return one.pid == file.pid; })) {
        users.push_back({file.pid, sys::command_of(file.pid)});
      }
    }
  });
  return use;
}

}  // namespace mdevadm
