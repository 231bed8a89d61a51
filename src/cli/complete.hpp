// Candidates for shell completion.
#pragma once

#include <string>
#include <vector>

#include "app.hpp"

namespace mdevadm::cli {

// Completes the last of the arguments after the program's name (empty: a new argument). Returns one candidate
// per line, "VALUE" or "VALUE<TAB>DESCRIPTION"; a first line ":files" or ":directories" asks the shell to
// complete file names. Never fails: on an error candidates are missing.
std::string complete(CommandLine& line, const std::vector<std::string>& words, const Env& env);

}  // namespace mdevadm::cli
