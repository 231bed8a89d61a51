// The program, but for its process.
#pragma once

#include <string>
#include <vector>

#include "env.hpp"

namespace mdevadm::cli {

// `words`: the command line behind the program's name. Returns the exit code.
int run(const std::vector<std::string>& words, const Env& env);

}  // namespace mdevadm::cli
