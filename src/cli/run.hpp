// The main function of mdevadm, without process state: arguments, terminals and the exit code are passed
// explicitly.
#pragma once

#include <string>
#include <vector>

#include "env.hpp"

namespace mdevadm::cli {

// Runs mdevadm with the command line after the program's name. Returns the exit code.
int run(const std::vector<std::string>& words, const Env& env);

}  // namespace mdevadm::cli
