// Who uses a device. An mdev's VFIO nodes are character devices; whoever runs with the device has one of them
// open.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mdevadm/host/host.hpp>
#include <mdevadm/sys/file_lock.hpp>
#include <mdevadm/sys/process.hpp>
#include <optional>
#include <set>

#include "paths.hpp"

namespace mdevadm {

namespace {

constexpr std::string_view vfio_device = "anon_inode:[vfio-device]";

void add_holder(std::vector<Holder>& holders, int pid, bool certain) {
  const auto same = [pid](const Holder& holder) { return holder.pid == pid; };
  if (std::none_of(holders.begin(), holders.end(), same)) {
    holders.push_back({pid, sys::command_of(pid), certain});
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

// One group has one user: while there is one, even with nothing but the device itself open, the group's node
// cannot be opened (libvirt asks in this way, too). A virtual machine that starts in this very instant would
// be told the same.
bool is_busy(const sys::Dir& root, const Device& device) {
  if (!device.iommu_group) {
    return false;
  }
  const sys::Result<sys::UniqueFd> node = root.open_node(group_node_path(*device.iommu_group));
  return !node && node.error().number == EBUSY;
}

// Of several that ask at once, each would take the others for users of the device. No lock is no reason not
// to ask.
std::optional<sys::FileLock> one_at_a_time(const sys::Dir& root) {
  constexpr std::chrono::seconds patience{5};
  const sys::Result<sys::Dir> nodes = root.open_dir(vfio_folder);
  sys::Result<sys::FileLock> lock =
      nodes ? sys::FileLock::acquire(*nodes, patience) : sys::Result<sys::FileLock>(nodes.error());
  return lock ? std::optional(*std::move(lock)) : std::nullopt;
}

// Us, and whoever runs us: libvirt keeps a group open while it has its device removed, so that nobody else
// takes it. That keeps the kernel from nothing, unlike an open device.
std::set<int> callers() {
  std::set<int> pids;
  for (int pid = ::getpid(); pid > 1 && pids.insert(pid).second;) {
    pid = sys::parent_of(pid);
  }
  return pids;
}

// Which devices have a caller with nothing but the group open: it is none of their holders.
std::set<const Device*> leave_out_callers(std::vector<Device>& devices, const std::vector<Holder>& users) {
  std::set<const Device*> kept;
  const std::set<int> pids = callers();
  const auto is_user = [&](int pid) {
    return std::any_of(users.begin(), users.end(), [pid](const Holder& user) { return user.pid == pid; });
  };
  for (Device& device : devices) {
    const auto count = std::erase_if(device.holders, [&](const Holder& holder) {
      return pids.contains(holder.pid) && !is_user(holder.pid);
    });
    if (count > 0) {
      kept.insert(&device);
    }
  }
  return kept;
}

}  // namespace

std::size_t find_holders(const sys::Dir& root, std::vector<Device>& devices, Facet facets) {
  const auto lock = has(facets, Facet::busy) ? one_at_a_time(root) : std::nullopt;
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
  std::vector<Holder> vfio_users;
  const std::size_t unseen = sys::for_each_open_file([&](const sys::OpenFile& file) {
    if (file.anonymous == vfio_device) {
      add_holder(vfio_users, file.pid, false);
    } else if (file.character_device) {
      const auto [first, last] = nodes.equal_range(*file.character_device);
      std::for_each(first, last, [&](const auto& node) { add_holder(node.second->holders, file.pid, true); });
    }
  });
  const std::set<const Device*> kept = leave_out_callers(devices, vfio_users);
  if (has(facets, Facet::busy)) {
    for (Device& device : devices) {
      device.busy = !device.holders.empty() || (!kept.contains(&device) && is_busy(root, device));
      if (device.busy && device.holders.empty()) {
        device.holders = vfio_users;
      }
    }
  }
  return unseen;
}

void Host::look_who_holds(Device& device) const {
  std::vector<Device> one{device};
  find_holders(*root_, one, Facet::holders | Facet::busy);
  device = std::move(one.front());
}

}  // namespace mdevadm
