// Help texts of at most 80 columns.
#pragma once

#include <string>

#include "app.hpp"

namespace mdevadm::cli {

// Returns the help of the program or of a command. Throws Error{usage} for an unknown command.
std::string help_text(CommandLine& line, const std::string& topic);

// Returns all commands, options, placeholders and columns as JSON, for the man page check.
std::string describe_tree(CommandLine& line);

}  // namespace mdevadm::cli
