#include <mdevadm/sys/file_lock.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <thread>

#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/sys/process.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::sys {

namespace {

constexpr std::chrono::milliseconds polling_interval{5};

// Waits at most `patience` for the lock. Returns 0 or an errno; EINTR if a signal asked to end.
int lock(const UniqueFd& fd, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return errno;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return EWOULDBLOCK;
    }
    if (interrupted()) {
      return EINTR;
    }
    std::this_thread::sleep_for(polling_interval);
  }
  return 0;
}

// Returns the device number of the file system that contains an open file, as /proc/locks has it. stat()
// returns another one on btrfs (that of the subvolume) and on overlays.
std::optional<dev_t> device_of_mount(const Dir& proc, const UniqueFd& fd) {
  constexpr std::string_view key = "\nmnt_id:\t";
  const Result<std::string> info = proc.read_kernel_file(fmt::format("self/fdinfo/{}", fd.get()));
  const std::size_t at = info ? info->find(key) : std::string::npos;
  const Result<std::string> mounts = proc.read_kernel_file("self/mountinfo");
  if (at == std::string::npos || !mounts) {
    return std::nullopt;
  }
  const std::string_view id = std::string_view(*info).substr(at + key.size());
  const std::string beginning = std::string(id.substr(0, id.find('\n'))) + " ";
  for (const std::string_view line : split(*mounts, '\n')) {
    // Format: "36 35 98:0 /mnt1 /mnt2 ...", of which 98:0 is the device.
    const std::vector<std::string_view> words = split(line, ' ');
    if (!line.starts_with(beginning) || words.size() < 3) {
      continue;
    }
    const std::size_t colon = words[2].find(':');
    const auto high = parse_decimal(words[2].substr(0, colon));
    const auto low =
        colon != std::string_view::npos ? parse_decimal(words[2].substr(colon + 1)) : std::nullopt;
    return high && low ? std::optional(makedev(static_cast<unsigned>(*high), static_cast<unsigned>(*low)))
                       : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Result<FileLock> FileLock::acquire(const Dir& directory, const std::string& name,
                                   std::chrono::milliseconds patience) {
  // A link could lead to a file that would be created elsewhere; a FIFO must not block, nor a device act.
  constexpr int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  UniqueFd fd(::openat(directory.fd(), name.c_str(), flags));
  if (!fd && errno == ENOENT) {
    fd = UniqueFd(::openat(directory.fd(), name.c_str(), flags | O_CREAT, 0600));
  }
  struct stat found {};
  const int refused = !fd                              ? errno == ELOOP || errno == ENXIO ? not_a_file : errno
                      : ::fstat(fd.get(), &found) != 0 ? errno
                      : !S_ISREG(found.st_mode)        ? not_a_file
                                                       : 0;
  if (const int number = refused == 0 ? lock(fd, patience) : refused; number != 0) {
    return SysError{number, directory.path_of(name)};
  }
  return FileLock(std::move(fd));
}

Result<FileLock> FileLock::acquire(const Dir& directory, std::chrono::milliseconds patience) {
  UniqueFd fd(::openat(directory.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (const int number = fd ? lock(fd, patience) : errno; number != 0) {
    return SysError{number, directory.path()};
  }
  return FileLock(std::move(fd));
}

LockHolder FileLock::holder(const Dir& directory, const std::string& name) {
  struct stat file {};
  const UniqueFd fd(::openat(directory.fd(), name.c_str(), O_PATH | O_CLOEXEC));
  const Result<Dir> proc = Dir::open("/proc");
  if (!fd || !proc || ::fstat(fd.get(), &file) != 0) {
    return {};
  }
  const Result<std::string> locks = proc->read_kernel_file("locks");
  if (!locks) {
    return {};
  }
  const dev_t device = device_of_mount(*proc, fd).value_or(file.st_dev);
  const std::string id = fmt::format(" {:02x}:{:02x}:{} ", major(device), minor(device), file.st_ino);
  for (const std::string_view line : split(*locks, '\n')) {
    // Format: "7: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF"; waiting processes have "->" after the
    // number.
    const std::size_t at = line.find(id);
    if (at == std::string_view::npos || line.find("FLOCK") == std::string_view::npos ||
        line.find("->") != std::string_view::npos) {
      continue;
    }
    const std::string_view before = line.substr(0, at);
    const auto pid = parse_decimal(before.substr(before.rfind(' ') + 1));
    return pid ? LockHolder{static_cast<int>(*pid), command_of(static_cast<int>(*pid))} : LockHolder{};
  }
  return {};
}

}  // namespace mdevadm::sys
