// The program under the name mdevctl, or lsmdev.
#pragma once

#include <string>
#include <vector>

namespace mdevadm::compat {

// Whether a program of this name is to be it.
bool is_called_so(const std::string& program);

// `words`: the command line behind the program's name. Returns the exit code.
int run(const std::string& program, const std::vector<std::string>& words);

}  // namespace mdevadm::compat
