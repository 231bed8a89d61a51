// Notifications of changes of files (inotify).
#pragma once

#include <sys/inotify.h>

#include <cstdint>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace mdevadm::sys {

struct FileChange {
  int watch;           // -1: changes were lost (IN_Q_OVERFLOW)
  std::uint32_t mask;  // IN_OPEN and so on
  std::string name;    // of the entry, if a directory is watched
};

class FileWatch {
 public:
  static Result<FileWatch> open();

  // Becomes readable when there are changes.
  int descriptor() const { return fd_.get(); }

  // Watches a file or directory for the changes in `mask`; returns the number of the watch. A file that is
  // watched already keeps its number. A change with IN_IGNORED says that the watch has ended.
  Result<int> add(const std::string& path, std::uint32_t mask) const;
  void remove(int watch) const;

  // Returns the changes that have not been read yet.
  Result<std::vector<FileChange>> read() const;

 private:
  explicit FileWatch(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace mdevadm::sys
