// A place of its own for a simulated host: namespaces in which /sys, /dev/vfio and where definitions are kept
// are replaced, and a process that takes everything with it when it ends.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <mdevadm/sys/unique_fd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm::sim {

// Puts this process into a mount namespace of its own; without root, into a user namespace too, where it is
// root. Throws Error{failed}.
void enclose();

// Whether FUSE is to be had. Throws Error{failed} where not.
void require_fuse();

// Makes the folder PARENT/NAME an empty one of our own, for every name. What else is in PARENT stays as it
// is; where a name is missing, PARENT is replaced by a folder in which everything of it is found again, so
// that nothing is made on the real one. With `kept`, the names' content is in that folder and stays.
void replace_folders(const std::string& parent, const std::vector<std::string>& names,
                     const std::optional<std::string>& kept);

// A running command, with a first process above it that ends with this one, and ends everything below with
// itself.
struct Enclosed {
  pid_t first;          // in our process namespace
  sys::UniqueFd ended;  // becomes readable
  sys::UniqueFd alive;  // by which it knows that we are
};
// The command may have so many files open. Throws Error if it cannot be started; one that is not there ends
// with 127.
Enclosed start_enclosed(const std::vector<std::string>& words, const rlimit& files);

// The command's exit code; 128 and the signal's number if one ended it.
int exit_code_of(const Enclosed& enclosed);

}  // namespace mdevadm::sim
