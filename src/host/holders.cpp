// Who uses a device. An mdev's VFIO nodes are character devices; whoever runs with the device has one of them
// open.
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <mdevadm/host/host.hpp>
#include <mdevadm/sys/process.hpp>

#include "paths.hpp"

namespace mdevadm {

namespace {

void add_holder(std::vector<Holder>& holders, int pid) {
  const auto same = [pid](const Holder& holder) { return holder.pid == pid; };
  if (std::none_of(holders.begin(), holders.end(), same)) {
    holders.push_back({pid, sys::command_of(pid)});
  }
}

std::vector<dev_t> node_numbers(const sys::Dir& root, const Device& device) {
  std::vector<std::string> paths;
  if (device.iommu_group) {
    paths.push_back(group_node_path(*device.iommu_group));
  }
  if (const auto cdev = cdev_name(root, device.path)) {
    paths.push_back(cdev_node_path(*cdev));
  }
  std::vector<dev_t> numbers;
  for (const std::string& path : paths) {
    const sys::Result<sys::FileStatus> status = root.status(path);
    if (status && S_ISCHR(status->mode)) {
      numbers.push_back(status->device_number);
    }
  }
  return numbers;
}

}  // namespace

std::size_t find_holders(const sys::Dir& root, std::vector<Device>& devices) {
  std::multimap<dev_t, Device*> nodes;
  for (Device& device : devices) {
    device.holders.clear();
    for (const dev_t number : node_numbers(root, device)) {
      nodes.emplace(number, &device);
    }
  }
  if (nodes.empty()) {
    return 0;
  }
  return sys::for_each_open_file([&](const sys::OpenFile& file) {
    if (!file.character_device) {
      return;
    }
    const auto [first, last] = nodes.equal_range(*file.character_device);
    std::for_each(first, last, [&](const auto& node) { add_holder(node.second->holders, file.pid); });
  });
}

std::vector<Holder> Host::holders(const Device& device) const {
  std::vector<Device> one{device};
  find_holders(*root_, one);
  return std::move(one.front().holders);
}

std::vector<Holder> Host::vfio_users() {
  std::vector<Holder> users;
  sys::for_each_open_file([&](const sys::OpenFile& file) {
    if (file.anonymous == "anon_inode:[vfio-device]") {
      add_holder(users, file.pid);
    }
  });
  return users;
}

}  // namespace mdevadm
