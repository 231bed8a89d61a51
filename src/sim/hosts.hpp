// Runs simulated hosts: for the duration of a command, or mounted on a directory until unmounted.
#pragma once

#include <chrono>
#include <mdevadm/sim/scenario.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm::sim {

// Runs a command on the host and returns its exit code. Definitions are stored in the directory
// `keep_directory` and survive, if it is given.
int run_on(const Scenario& scenario, const std::vector<std::string>& command,
           const std::optional<std::string>& keep_directory);

// Mounts the host's files on the directory `given`, served by a background process. Requires root.
void mount_at(const Scenario& scenario, const std::string& given);
void unmount_at(const std::string& given);

// Opens devices of the host below `root` as a virtual machine would, and holds them open for the given time,
// or until a signal arrives.
void hold(const std::string& root, const std::vector<std::string>& devices,
          std::optional<std::chrono::milliseconds> time);

// Writes one line to the host's control file.
void send_control(const std::string& root, const std::string& line);
// Returns the uevents that the host's kernel has generated so far.
std::string read_events(const std::string& root);

}  // namespace mdevadm::sim
