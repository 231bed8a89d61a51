// Help texts.
#pragma once

#include <string>

#include "app.hpp"

namespace mdevadm::cli {

// Returns the help of a command, of the commands with the same first word, or, for an empty topic, of the
// program. `width`: columns of the terminal; 0: unknown.
std::string help_text(CommandLine& line, const std::string& topic, std::size_t width);

// Returns all commands, options, placeholders and columns as JSON, for the man page check.
std::string describe_tree(CommandLine& line);

}  // namespace mdevadm::cli
