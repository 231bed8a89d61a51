// The files of a description of the host.
#pragma once

#include <mdevadm/store/host_file.hpp>
#include <string>
#include <vector>

#include "context.hpp"

namespace mdevadm::cli {

// The description that is used without --file, below the root.
inline constexpr const char* default_host_file = "etc/mdevadm/host.toml";

struct HostSource {
  std::string name;  // of the file or directory, for messages
  std::vector<store::HostText> texts;
};

// Reads a file, standard input ("-"), all files *.toml of a directory in natural order, or, if `path` is
// empty, the default description. Throws Error.
HostSource read_host(const Context& context, const std::string& path, const std::string& doing);

// Returns the content of a file that was given on the command line; "-": standard input. Throws Error "DOING:
// …": not_found if it does not exist.
std::string read_input(const std::string& path, const std::string& doing);

}  // namespace mdevadm::cli
