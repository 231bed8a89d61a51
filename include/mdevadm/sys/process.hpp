// What /proc tells about processes, and a write(2) that may never return, done by a process of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mdevadm::sys {

// A process's short name (/proc/PID/comm), empty if it is gone.
std::string command_of(int pid);

// Who started a process, or took it over; 0 if there is nobody, or it is gone.
int parent_of(int pid);

// One open file of a process: either a character device with its number, or an anonymous file with its link
// text.
struct OpenFile {
  int pid;
  std::optional<dev_t> character_device;
  std::string anonymous;  // "anon_inode:[vfio-device]" and the like, else empty
};

// Calls `visit` for every character device and every anonymous inode that some process has open. Says how
// many processes could not be looked into (another user's, without root); those that end meanwhile do not
// count.
std::size_t for_each_open_file(const std::function<void(const OpenFile&)>& visit);

// Opens /dev/null in the place of each of the three standard descriptors that our caller has closed.
void fill_standard_descriptors();

// Writes `value` to `file` by one write(2) in a child process and waits at most `patience` for it.
// nullopt: the kernel has not answered yet. The child then stays behind, detached, with nothing of ours open;
// signals would not end it (vfio waits uninterruptibly from the first one on), it ends when the kernel lets
// it.
std::optional<Result<Done>> write_with_patience(const UniqueFd& file, std::string_view value,
                                                const std::string& path, std::chrono::milliseconds patience);

}  // namespace mdevadm::sys
