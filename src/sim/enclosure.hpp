// Isolation of a simulated host: namespaces in which /sys, /dev/vfio and the directories of definitions are
// replaced, and a process whose end terminates all others.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <mdevadm/sys/unique_fd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm::sim {

// Moves this process into a new mount namespace; without root also into a new user namespace, in which it is
// root. Throws Error{failed}.
void enclose();

// Moves this process into a network namespace of its own, with a loopback interface, in which uevents can be
// sent. Requires enclose(). Returns false if that is not permitted.
bool enclose_network();

// Throws Error{failed} if FUSE is not available.
void require_fuse();

// Replaces each directory PARENT/NAME by an empty one. The other contents of PARENT do not change. If a NAME
// does not exist, PARENT is replaced by a directory that shows the same contents, so that nothing is created
// in the real one. If `keep_directory` is set, the contents of the directories are stored there and survive.
void replace_directories(const std::string& parent, const std::vector<std::string>& names,
                         const std::optional<std::string>& keep_directory);

// Adds a link NAME to `target` to a directory, replacing what has that name. The other contents do not
// change; nothing is created in the real directory. Throws Error.
void add_program(const std::string& directory, const std::string& name, const std::string& target);

// A running command and its supervisor, the first process of its PID namespace. The supervisor ends with this
// process, and all processes of the namespace end with the supervisor.
struct Enclosed {
  pid_t first;          // PID of the supervisor, in our PID namespace
  sys::UniqueFd ended;  // becomes readable when the supervisor ends
  sys::UniqueFd alive;  // closed when this process ends, which the supervisor detects
};
// Starts a command with the limit `files` for open files. Throws Error if it cannot be started; the exit code
// of a command that does not exist is 127.
Enclosed start_enclosed(const std::vector<std::string>& words, const rlimit& files);

// Returns the exit code of the command; 128 plus the signal number if a signal ended it.
int exit_code_of(const Enclosed& enclosed);

}  // namespace mdevadm::sim
