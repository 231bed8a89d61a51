// Systemd generator for the units that start autostart devices.
#pragma once

#include <string>

#include "env.hpp"

namespace mdevadm::cli {

// Creates a dependency of mdevadm.target on an instance of `unit_file` (a template unit) for each parent with
// autostart definitions, in the generator output directory `directory`. Ignores errors: they must not prevent
// the boot.
void generate_units(const std::string& directory, const std::string& unit_file, const Env& env);

// Escapes `text` for use as an instance name, like systemd-escape(1).
std::string unit_escaped(const std::string& text);

}  // namespace mdevadm::cli
