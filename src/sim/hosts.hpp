// Simulated hosts that run: for one command, or below a folder until they are taken away.
#pragma once

#include <mdevadm/sim/scenario.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm::sim {

// Runs a command on the host; its exit code. With `kept`, what it defines is in that folder and stays.
int run_on(const Scenario& scenario, const std::vector<std::string>& command,
           const std::optional<std::string>& kept);

// Puts the host's files into the folder that is given, served by a process that stays behind. Needs root.
void mount_at(const Scenario& scenario, const std::string& given);
void unmount_at(const std::string& given);

// A user of devices of the host below `root`: opens them as a virtual machine would, and keeps them open for
// so long, or until a signal comes.
void hold(const std::string& root, const std::vector<std::string>& devices,
          std::optional<std::uint64_t> seconds);

// One line for the host's control file.
void send_control(const std::string& root, const std::string& line);
// What the host's kernel would have sent to udev so far.
std::string read_events(const std::string& root);

}  // namespace mdevadm::sim
