// Finds the processes that use a device: they have one of its VFIO nodes open, which are character devices.
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mdevadm/host/host.hpp>
#include <mdevadm/sys/file_lock.hpp>
#include <mdevadm/sys/process.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "paths.hpp"

namespace mdevadm {

namespace {

void add_holder(std::vector<Holder>& holders, int pid, bool certain) {
  const auto same = [pid](const Holder& holder) { return holder.pid == pid; };
  if (std::none_of(holders.begin(), holders.end(), same)) {
    holders.push_back({pid, sys::command_of(pid), certain});
  }
}

// A VFIO group has one user at a time. While it is in use, even if only the device itself is open, opening
// its node fails with EBUSY (libvirt checks in the same way). A virtual machine that starts during this check
// gets EBUSY, too.
bool is_busy(const sys::Dir& root, const Device& device) {
  if (!device.iommu_group) {
    return false;
  }
  const sys::Result<sys::UniqueFd> node = root.open_node(group_node_path(*device.iommu_group));
  return !node && node.error().number == EBUSY;
}

// Returns this process and its ancestors. libvirt holds the group open while mdevadm removes its device, to
// prevent other processes from using it. Unlike an open device, an open group does not block the removal.
std::set<int> callers() {
  std::set<int> pids;
  for (int pid = ::getpid(); pid > 0 && pids.insert(pid).second;) {
    pid = sys::parent_of(pid);
  }
  return pids;
}

// Processes that have a device open through its own node, or without a node.
struct Users {
  std::vector<Holder> of_any;                       // the kernel does not report which device
  std::set<std::pair<const Device*, int>> of_node;  // device and pid

  bool has(const Device& device, int pid) const {
    return of_node.contains({&device, pid}) ||
           std::any_of(of_any.begin(), of_any.end(), [pid](const Holder& user) { return user.pid == pid; });
  }
};

// The VFIO nodes of devices, by device number.
struct Nodes {
  using ByNumber = std::vector<std::pair<dev_t, Device*>>;
  ByNumber groups{};
  ByNumber own{};

  // `has_node`: Device::own_node has been read.
  void add(const sys::Dir& root, Device& device, bool has_node) {
    device.holders = {};
    if (const auto number =
            device.iommu_group ? node_number(root, group_node_path(*device.iommu_group)) : std::nullopt) {
      groups.emplace_back(*number, &device);
    }
    if (const auto cdev = has_node ? std::nullopt : cdev_name(root, device.path.str())) {
      device.own_node = node_number(root, cdev_node_path(*cdev));
    }
    if (device.own_node) {
      own.emplace_back(*device.own_node, &device);
    }
  }

  // After all devices have been added.
  void sort() {
    std::stable_sort(groups.begin(), groups.end(), Earlier{});
    std::stable_sort(own.begin(), own.end(), Earlier{});
  }

  // Calls `use` with each device that has this node.
  template <typename Use>
  static void each(const ByNumber& nodes, dev_t number, const Use& use) {
    const auto [first, last] = std::equal_range(nodes.begin(), nodes.end(), number, Earlier{});
    std::for_each(first, last, [&](const auto& node) { use(*node.second); });
  }

 private:
  struct Earlier {
    static dev_t number(dev_t one) { return one; }
    static dev_t number(const std::pair<dev_t, Device*>& one) { return one.first; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return number(a) < number(b);
    }
  };
};

// Returns whether processes other than callers use the device. Callers that have only its group open are
// removed from the holders.
bool is_used(const sys::Dir& root, Device& device, const std::set<int>& caller_pids, const Users& users) {
  const auto is_left_out = [&](const Holder& holder) {
    return caller_pids.contains(holder.pid) && !users.has(device, holder.pid);
  };
  const std::size_t left_out = device.holders.empty() ? 0 : std::erase_if(device.holders.made(), is_left_out);
  return !device.holders.empty() || (left_out == 0 && is_busy(root, device));
}

}  // namespace

std::optional<sys::FileLock> lock_of_checks(const sys::Dir& root) {
  constexpr std::chrono::seconds patience{5};
  constexpr std::chrono::milliseconds slice{20};
  constexpr int most_unseen = 3;
  const sys::Result<sys::Dir> nodes = root.open_dir(vfio_directory);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (int unseen = 0; nodes && std::chrono::steady_clock::now() < deadline;) {
    sys::Result<sys::FileLock> lock = sys::FileLock::acquire(*nodes, slice);
    if (lock) {
      return *std::move(lock);
    }
    if (lock.error().number != EWOULDBLOCK) {
      return std::nullopt;
    }
    // Any user can open and lock the directory. The lock may have been released a moment ago.
    const int pid = sys::FileLock::holder(*nodes, ".").pid;
    if (!sys::is_of_root(pid) && (pid != 0 || ++unseen == most_unseen)) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

void find_holders(const sys::Dir& root, Snapshot& seen, Facet facets) {
  const auto lock = has(facets, Facet::busy) ? lock_of_checks(root) : std::nullopt;
  Nodes nodes;
  for (std::vector<Device>* devices : {&seen.devices, &seen.removing}) {
    for (Device& device : *devices) {
      nodes.add(root, device, has(facets, Facet::nodes) && devices == &seen.devices);
    }
  }
  nodes.sort();
  if (nodes.groups.empty() && nodes.own.empty()) {
    return;
  }
  Users users;
  std::set<int> certain;
  seen.unseen_processes = sys::for_each_open_file([&](const sys::OpenFile& file) {
    if (file.anonymous == vfio_device_link) {
      add_holder(users.of_any, file.pid, false);
    } else if (file.character_device) {
      Nodes::each(nodes.groups, *file.character_device, [&](Device& device) {
        add_holder(device.holders.made(), file.pid, true);
        certain.insert(file.pid);
      });
      Nodes::each(nodes.own, *file.character_device, [&](Device& device) {
        add_holder(device.holders.made(), file.pid, true);
        certain.insert(file.pid);
        users.of_node.emplace(&device, file.pid);
      });
    }
  });
  seen.vague_users = static_cast<std::size_t>(
      std::count_if(users.of_any.begin(), users.of_any.end(),
                    [&](const Holder& holder) { return !certain.contains(holder.pid); }));
  if (has(facets, Facet::busy)) {
    const std::set<int> caller_pids = callers();
    for (Device& device : seen.devices) {
      device.busy = is_used(root, device, caller_pids, users);
      if (device.busy && device.holders.empty()) {
        device.holders = users.of_any;
      }
    }
  }
  for (Device& device : seen.removing) {
    device.busy = true;
    if (device.holders.empty()) {
      device.holders = users.of_any;
    }
  }
}

std::optional<std::uint64_t> Host::inode_of(const Device& device) const {
  const sys::Result<std::uint64_t> number = root_->inode(device.path);
  return number ? std::optional(*number) : std::nullopt;
}

std::optional<std::uint64_t> Host::inode_of_function(const std::string& address) const {
  return mdevadm::inode_of_function(*root_, address);
}

std::optional<bool> Host::is_in_use(const Device& device) const {
  if (!device.iommu_group) {
    return std::nullopt;
  }
  const auto lock = lock_of_checks(*root_);
  const sys::Result<sys::UniqueFd> node = root_->open_node(group_node_path(*device.iommu_group));
  if (!node) {
    return node.error().number == EBUSY ? std::optional(true) : std::nullopt;
  }
  // The kernel opens a group only if it has no other user, and no device of it is in use through its own
  // node. Anything else at this path says nothing.
  vfio_group_status status{.argsz = sizeof(vfio_group_status), .flags = 0};
  const bool is_group = ::ioctl(node->get(), VFIO_GROUP_GET_STATUS, &status) == 0;
  return is_group ? std::optional(false) : std::nullopt;
}

void Host::find_users_of(Device& device) const {
  Snapshot one;
  one.devices.push_back(device);
  find_holders(*root_, one, Facet::holders | Facet::busy);
  device = std::move(one.devices.front());
}

}  // namespace mdevadm
