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

std::optional<dev_t> node_number(const sys::Dir& root, const std::string& path) {
  const sys::Result<sys::FileStatus> status = root.status(path);
  return status && S_ISCHR(status->mode) ? std::optional(status->device_number) : std::nullopt;
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
  for (int pid = ::getpid(); pid > 0 && pids.insert(pid).second;) {
    pid = sys::parent_of(pid);
  }
  return pids;
}

// Who has which device open, through the device's own node or through none.
struct Users {
  std::vector<Holder> of_any;                       // of which, the kernel does not tell
  std::set<std::pair<const Device*, int>> of_node;  // device and pid

  bool has(const Device& device, int pid) const {
    return of_node.contains({&device, pid}) ||
           std::any_of(of_any.begin(), of_any.end(), [pid](const Holder& user) { return user.pid == pid; });
  }
};

// Whether the device is in use by others than callers with nothing but its group open, who are no holders.
bool is_used(const sys::Dir& root, Device& device, const std::set<int>& caller_pids, const Users& users) {
  const auto left_out = std::erase_if(device.holders, [&](const Holder& holder) {
    return caller_pids.contains(holder.pid) && !users.has(device, holder.pid);
  });
  return !device.holders.empty() || (left_out == 0 && is_busy(root, device));
}

}  // namespace

std::size_t find_holders(const sys::Dir& root, std::vector<Device>& devices, Facet facets) {
  const auto lock = has(facets, Facet::busy) ? one_at_a_time(root) : std::nullopt;
  std::multimap<dev_t, Device*> groups;
  std::multimap<dev_t, Device*> own_nodes;
  for (Device& device : devices) {
    device.holders.clear();
    if (const auto number =
            device.iommu_group ? node_number(root, group_node_path(*device.iommu_group)) : std::nullopt) {
      groups.emplace(*number, &device);
    }
    const auto cdev = cdev_name(root, device.path);
    if (const auto number = cdev ? node_number(root, cdev_node_path(*cdev)) : std::nullopt) {
      own_nodes.emplace(*number, &device);
    }
  }
  if (groups.empty() && own_nodes.empty()) {
    return 0;
  }
  Users users;
  const std::size_t unseen = sys::for_each_open_file([&](const sys::OpenFile& file) {
    if (file.anonymous == vfio_device) {
      add_holder(users.of_any, file.pid, false);
    } else if (file.character_device) {
      for (auto [node, last] = groups.equal_range(*file.character_device); node != last; ++node) {
        add_holder(node->second->holders, file.pid, true);
      }
      for (auto [node, last] = own_nodes.equal_range(*file.character_device); node != last; ++node) {
        add_holder(node->second->holders, file.pid, true);
        users.of_node.emplace(node->second, file.pid);
      }
    }
  });
  if (has(facets, Facet::busy)) {
    const std::set<int> caller_pids = callers();
    for (Device& device : devices) {
      device.busy = is_used(root, device, caller_pids, users);
      if (device.busy && device.holders.empty()) {
        device.holders = users.of_any;
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
