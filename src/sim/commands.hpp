// The command line of mdevsim.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::sim {

// Runs mdevsim with the arguments after the program's name and returns the exit code. Under the name of one
// of host_commands.hpp, it is that command. Prints to stdout and stderr.
int run(std::string_view program, const std::vector<std::string>& words);

}  // namespace mdevadm::sim
