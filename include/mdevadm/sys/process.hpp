// Information from /proc about processes, and a write(2) in a child process for writes that may never return.
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

// Returns a descriptor that becomes readable when the process ends; an empty one if it has ended, or before
// Linux 5.3.
UniqueFd watch_process(int pid);

// Returns the short name of a process (/proc/PID/comm), or an empty string if it no longer exists.
std::string command_of(int pid);

// Returns whether the real user of the process is root: a set-user-ID program acts for the user who started
// it.
bool is_of_root(int pid);

// Returns the parent of a process, or 0 if it has none or no longer exists.
int parent_of(int pid);

// One open file of a process: a character device with its number, or an anonymous inode with its link text.
struct OpenFile {
  int pid;
  std::optional<dev_t> character_device;
  std::string anonymous;  // "anon_inode:[vfio-device]" for example, else empty
};

// Calls `visit` for every character device and every anonymous inode that a process has open. Returns the
// number of processes that could not be inspected for lack of permission (processes of other users, without
// root); processes that end during the walk are not counted. If /proc hides such processes, they count as
// one.
std::size_t for_each_open_file(const std::function<void(const OpenFile&)>& visit);

// How output to a standard descriptor that the caller left closed ends.
enum class ClosedOutput {
  fails,         // with EBADF, as without a descriptor
  is_discarded,  // as in programs of Rust
};
// Opens /dev/null for each of the three standard descriptors that the caller left closed, so that no file
// that is opened later gets its number, and with it the output.
void fill_standard_descriptors(ClosedOutput output);

// Writes `value` to `file` with one write(2) in a child process and waits at most `patience` for the result.
// Returns nullopt if the kernel has not answered by then. The child is then left behind, detached and without
// any other open descriptor of this process; it ends when its write returns. Signals do not end it: vfio
// waits uninterruptibly once a first signal has arrived.
std::optional<Result<Done>> write_with_patience(const UniqueFd& file, std::string_view value,
                                                const std::string& path, std::chrono::milliseconds patience);

}  // namespace mdevadm::sys
