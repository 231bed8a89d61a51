// Writes the output of a command to a file that the user names.
#pragma once

#include <string>
#include <string_view>

namespace mdevadm::cli {

// Replaces the file atomically, with mode 0644 whatever the umask; a failure leaves the old file. Throws
// Error, also if `path` is not that of a regular file.
void write_output_file(const std::string& path, std::string_view content);

}  // namespace mdevadm::cli
