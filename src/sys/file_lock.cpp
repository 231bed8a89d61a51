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

constexpr std::chrono::milliseconds pause{5};

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
    std::this_thread::sleep_for(pause);
  }
  return 0;
}

}  // namespace

Result<FileLock> FileLock::acquire(const Dir& directory, const std::string& name,
                                   std::chrono::milliseconds patience) {
  UniqueFd fd(::openat(directory.fd(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (const int number = fd ? lock(fd, patience) : errno; number != 0) {
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
  const Result<Dir> proc = Dir::open("/proc");
  if (!proc || ::fstatat(directory.fd(), name.c_str(), &file, 0) != 0) {
    return {};
  }
  const Result<std::string> locks = proc->read_file("locks");
  if (!locks) {
    return {};
  }
  const std::string id =
      fmt::format(" {:02x}:{:02x}:{} ", major(file.st_dev), minor(file.st_dev), file.st_ino);
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
