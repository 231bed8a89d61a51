#include "monitor_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mdevadm/sys/dir.hpp>
#include <utility>

namespace mdevadm {

namespace {

// A file is complete when it is closed or renamed; what a link leads to is not watched.
constexpr std::uint32_t changes_in_directory = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
                                               IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB |
                                               IN_ONLYDIR;

// Links to directories are among them if `links`.
std::vector<std::string> directories_in(const std::string& path, bool links) {
  std::vector<std::string> names;
  const sys::Result<sys::Dir> directory = sys::Dir::open(path);
  const auto entries = sys::entries_of(directory);
  if (entries) {
    for (const sys::Entry& entry : *entries) {
      if (entry.kind == sys::EntryKind::directory || (links && entry.kind == sys::EntryKind::link)) {
        names.push_back(path + "/" + entry.name);
      }
    }
  }
  return names;
}

}  // namespace

MonitorFiles::MonitorFiles(std::string root)
    : root_(std::move(root)), files_(sys::FileWatch::open().or_throw("cannot watch files")) {}

std::optional<int> MonitorFiles::add(const std::string& path, std::uint32_t mask, What what) {
  const std::string whole = root_ + path;
  const sys::Result<int> watch = files_.add(whole, mask);
  if (!watch) {
    is_complete_ = is_complete_ && (watch.error().number != ENOSPC && watch.error().number != ENOMEM);
    return std::nullopt;
  }
  watches_[*watch] = {what, whole};
  return *watch;
}

// Returns whether both directories are watched.
bool MonitorFiles::watch_store_directories() {
  const bool own = add("/etc/mdevadm", changes_in_directory, What::store).has_value();
  const bool mdevctl = add("/etc/mdevctl.d", changes_in_directory, What::store).has_value();
  return own && mdevctl;
}

// Follows links to directories where the store does.
void MonitorFiles::watch_definitions_of_parents() {
  add("/etc/mdevadm/groups", changes_in_directory, What::store);
  add("/etc/mdevadm/devices", changes_in_directory, What::store);
  for (const auto& [path, links] :
       {std::pair("/etc/mdevadm/devices", true), std::pair("/etc/mdevctl.d", false)}) {
    for (const std::string& directory : directories_in(root_ + path, links)) {
      add(directory.substr(root_.size()), changes_in_directory, What::store);
    }
  }
}

void MonitorFiles::watch_store() {
  if (!watch_store_directories()) {
    add("/etc", IN_CREATE | IN_MOVED_TO, What::etc);
    watch_store_directories();  // one may have appeared before /etc was watched
  }
  watch_definitions_of_parents();
}

void MonitorFiles::watch_node(const std::string& path) {
  const auto watch = add(path, IN_OPEN | IN_CLOSE, What::node);
  const auto before = nodes_.find(path);
  if (before != nodes_.end() && before->second != watch) {
    files_.remove(before->second);
    nodes_.erase(before);
  }
  if (watch) {
    nodes_[path] = *watch;
  }
}

void MonitorFiles::keep_nodes(const std::map<std::string, WatchedDevice>& devices) {
  std::set<std::string_view> wanted;
  for (const auto& [path, device] : devices) {
    wanted.insert(device.nodes.begin(), device.nodes.end());
  }
  std::erase_if(nodes_, [&](const auto& entry) {
    const bool is_over = !wanted.contains(entry.first);
    if (is_over) {
      files_.remove(entry.second);
    }
    return is_over;
  });
}

void MonitorFiles::watch_node_directories() {
  for (const char* path : {"/dev/vfio", "/dev/vfio/devices"}) {
    add(path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR, What::node_directory);
  }
}

// sysfs notifies of writes by processes like every file system; there is no other notification.
void MonitorFiles::watch_types(const std::set<std::string>& functions) {
  std::map<std::string, int> before = std::exchange(types_, {});
  for (const std::string& function : functions) {
    const std::string path = "/sys/bus/pci/devices/" + function + "/nvidia/current_vgpu_type";
    if (const auto watch = add(path, IN_MODIFY, What::type)) {
      types_[path] = *watch;
    }
  }
  for (const auto& [path, watch] : before) {
    const auto now = types_.find(path);
    if (now == types_.end() || now->second != watch) {
      files_.remove(watch);
    }
  }
}

void MonitorFiles::watch_machines() {
  constexpr std::uint32_t changes = IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR;
  constexpr std::uint32_t appearance = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;
  // A directory may appear before the one above is watched, so each is tried again after that.
  const auto watch_machines_of_qemu = [&] { return add("/run/libvirt/qemu", changes, What::machines); };
  const auto watch_libvirt = [&] { return add("/run/libvirt", appearance, What::machines_above); };
  if (watch_machines_of_qemu()) {
    return;
  }
  if (!watch_libvirt()) {
    add("/run", appearance, What::machines_above);
    watch_libvirt();
  }
  watch_machines_of_qemu();
}

// A file that is created is complete when it is closed, which is another change. A link is complete at once.
bool MonitorFiles::concerns_store(const Watch& watch, const sys::FileChange& change) {
  if ((change.mask & IN_CREATE) == 0 || (change.mask & IN_ISDIR) != 0) {
    return true;
  }
  struct stat created {};
  return ::lstat((watch.path + "/" + change.name).c_str(), &created) == 0 &&
         (!S_ISREG(created.st_mode) || created.st_nlink > 1);
}

void MonitorFiles::note(const sys::FileChange& change, Changes& changes) {
  if (change.watch < 0) {
    changes = {true, true, true, true, true};  // some were lost
    return;
  }
  const auto found = watches_.find(change.watch);
  if (found == watches_.end()) {
    return;
  }
  const Watch watch = found->second;
  const bool has_ended = (change.mask & IN_IGNORED) != 0;
  if (has_ended) {
    const auto is_it = [&](const auto& entry) { return entry.second == change.watch; };
    std::erase_if(nodes_, is_it);
    std::erase_if(types_, is_it);
    watches_.erase(found);
  }
  switch (watch.what) {
    case What::store: changes.store = changes.store || concerns_store(watch, change); break;
    case What::etc:
      changes.store = changes.store || change.name == "mdevadm" || change.name == "mdevctl.d";
      break;
    case What::node: changes.use = true; break;
    case What::node_directory: changes.nodes = true; break;
    case What::type: changes.devices = true; break;
    case What::machines: changes.use = changes.machines = true; break;
    case What::machines_above:
      changes.machines = changes.machines || has_ended || change.name == "libvirt" || change.name == "qemu";
      break;
  }
}

MonitorFiles::Changes MonitorFiles::read() {
  Changes changes;
  for (const sys::FileChange& change : files_.read().or_throw("cannot watch files")) {
    note(change, changes);
  }
  return changes;
}

}  // namespace mdevadm
