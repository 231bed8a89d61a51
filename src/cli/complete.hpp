// Words for the shell's completion.
#pragma once

#include <string>
#include <vector>

#include "app.hpp"

namespace mdevadm::cli {

// `words`: those behind the program's name up to and with the one to be completed (empty for a new word). One
// candidate a line; a first line ":files" or ":folders" hands over to the shell. Never fails: what cannot be
// found out is left out.
std::string complete(CommandLine& line, const std::vector<std::string>& words, const Env& env);

}  // namespace mdevadm::cli
