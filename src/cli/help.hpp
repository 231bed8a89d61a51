// Help as text of at most 80 columns.
#pragma once

#include <string>

#include "app.hpp"

namespace mdevadm::cli {

// Of the program, or of one command. Throws Error{usage} for a command that does not exist.
std::string help_text(CommandLine& line, const std::string& topic);

// The CLI tree as JSON, for the check of the man pages: commands, their options with metavars, their columns.
std::string describe_tree(CommandLine& line);

}  // namespace mdevadm::cli
