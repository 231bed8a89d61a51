#include "ptys.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>

namespace mdevadm::sim {

namespace {

constexpr unsigned vfio_major = 246;  // of nodes without a terminal: from the range of dynamic majors
constexpr mode_t node_mode = 0600;

}  // namespace

Ptys::Ptys(std::string directory, bool openable)
    : directory_(std::move(directory)),
      devices_(::open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC)),
      openable_(openable) {}

Ptys::~Ptys() {
  while (!masters_.empty()) {
    vanish(std::string(masters_.begin()->first));
  }
}

dev_t Ptys::appear(const std::string& name) {
  if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
    ::mkdir((directory_ + "/" + name.substr(0, slash)).c_str(), 0755);
  }
  const auto number = openable_ ? make_terminal(name) : std::nullopt;
  return number ? *number : make_number(name);
}

std::optional<dev_t> Ptys::make_terminal(const std::string& name) {
  sys::UniqueFd master(::openat(devices_.get(), "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  int locked = 0;
  if (!master || ::ioctl(master.get(), TIOCSPTLCK, &locked) != 0) {
    return std::nullopt;
  }
  // The master reports POLLHUP only after the slave has been opened and closed once.
  const sys::UniqueFd once(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (!once || ::fstat(once.get(), &status) != 0 || ::fchmod(once.get(), node_mode) != 0) {
    return std::nullopt;
  }
  // New device nodes belong to root. May fail in a user namespace, where the user is shown as root anyway.
  std::ignore = ::fchown(once.get(), 0, 0);
  const std::string path = directory_ + "/" + name;
  const sys::UniqueFd place(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, node_mode));
  const sys::UniqueFd tree(::open_tree(
      once.get(), "", static_cast<unsigned>(AT_EMPTY_PATH) | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!place || !tree || ::move_mount(tree.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    ::unlink(path.c_str());
    return std::nullopt;
  }
  masters_.emplace(name, std::move(master));
  return status.st_rdev;
}

// Creates a node that only shows its number; a regular file where device nodes cannot be created (user
// namespaces).
dev_t Ptys::make_number(const std::string& name) {
  const auto minor = parse_decimal(name.substr(name.find_first_of("0123456789")));
  const dev_t number = makedev(vfio_major, static_cast<unsigned>(minor.value_or(0)));
  const std::string path = directory_ + "/" + name;
  if (::mknod(path.c_str(), S_IFCHR | node_mode, number) != 0) {
    const sys::UniqueFd place(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, node_mode));
  }
  return number;
}

void Ptys::hide(const std::string& name) {
  const std::string path = directory_ + "/" + name;
  if (masters_.contains(name)) {
    ::umount2(path.c_str(), MNT_DETACH);
  }
  ::unlink(path.c_str());
}

void Ptys::vanish(const std::string& name) {
  hide(name);
  masters_.erase(name);
}

bool Ptys::is_open(const std::string& name) const {
  const int master = wait_descriptor(name);
  pollfd entry{.fd = master, .events = 0, .revents = 0};
  return master >= 0 && ::poll(&entry, 1, 0) == 0;
}

int Ptys::wait_descriptor(const std::string& name) const {
  const auto master = masters_.find(name);
  return master == masters_.end() ? -1 : master->second.get();
}

}  // namespace mdevadm::sim
