// For systemd, early at boot: which parents have devices that are to come up.
#pragma once

#include <string>

#include "env.hpp"

namespace mdevadm::cli {

// Makes mdevadm.target, in systemd's folder for generated units, want an instance of `unit_file` (a template)
// for each parent that has such definitions. What cannot be done is left out: a boot must not fail for it.
void generate_units(const std::string& folder, const std::string& unit_file, const Env& env);

// `text` as the instance of a unit's name, as systemd-escape(1) makes it.
std::string unit_escaped(const std::string& text);

}  // namespace mdevadm::cli
