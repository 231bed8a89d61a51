// The program under the names mdevctl and lsmdev.
#pragma once

#include <string>
#include <vector>

namespace mdevadm::compat {

// Returns true for program names that stand for mdevctl: "mdevctl" and names that end with "lsmdev".
bool is_called_so(const std::string& program);

// Runs mdevctl with the command line after the program's name. Returns the exit code.
int run(const std::string& program, const std::vector<std::string>& words);

}  // namespace mdevadm::compat
