// An advisory lock on a file or directory (flock), held by one process at a time.
#pragma once

#include <chrono>
#include <mdevadm/sys/dir.hpp>
#include <string>

namespace mdevadm::sys {

// The process that holds a lock, as far as /proc/locks reports it.
struct LockHolder {
  int pid = 0;          // 0: unknown
  std::string command;  // may be empty
};

// Held from acquire() until the object is destroyed; the kernel releases it if the process dies.
class [[nodiscard]] FileLock {
 public:
  // Creates the file if it does not exist and waits at most `patience` for the lock; then fails with
  // EWOULDBLOCK. A file that exists is not opened for writing, which a security policy can forbid.
  static Result<FileLock> acquire(const Dir& directory, const std::string& name,
                                  std::chrono::milliseconds patience);

  // Locks the directory itself, so that no lock file is needed.
  static Result<FileLock> acquire(const Dir& directory, std::chrono::milliseconds patience);

  // An object without a lock.
  FileLock() = default;

  // Holds another lock as well.
  void add(FileLock other) { also_ = std::move(other.fd_); }

  // Returns the process that holds the lock on the file now, or pid 0.
  static LockHolder holder(const Dir& directory, const std::string& name);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_{};
  UniqueFd also_{};
};

}  // namespace mdevadm::sys
