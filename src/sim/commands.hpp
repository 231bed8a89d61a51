// The command line of mdevsim.
#pragma once

#include <string>
#include <vector>

namespace mdevadm::sim {

// Carries out the words behind the program's name; the exit code. Prints to standard output and error.
int run(const std::vector<std::string>& words);

}  // namespace mdevadm::sim
