// The command line of mdevsim.
#pragma once

#include <string>
#include <vector>

namespace mdevadm::sim {

// Runs mdevsim with the arguments after the program's name and returns the exit code. Prints to stdout and
// stderr.
int run(const std::vector<std::string>& words);

}  // namespace mdevadm::sim
