// One process at a time: an advisory lock on a file.
#pragma once

#include <chrono>
#include <mdevadm/sys/dir.hpp>
#include <string>

namespace mdevadm::sys {

// Who holds a lock, as far as the kernel tells (/proc/locks).
struct LockHolder {
  int pid = 0;          // 0: unknown
  std::string command;  // may be empty
};

// Held from acquire() until the object goes; the kernel drops it when the process dies, however it dies.
class [[nodiscard]] FileLock {
 public:
  // Makes the file if need be and waits at most `patience`; then EWOULDBLOCK.
  static Result<FileLock> acquire(const Dir& folder, const std::string& name,
                                  std::chrono::milliseconds patience);

  // The same on a folder itself, which leaves no file behind.
  static Result<FileLock> acquire(const Dir& folder, std::chrono::milliseconds patience);

  // Who holds the lock on that file now, or pid 0.
  static LockHolder holder(const Dir& folder, const std::string& name);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace mdevadm::sys
