// Error messages and log messages in mdevctl's format.
#pragma once

#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::compat {

// An error message and its causes.
struct Failure {
  std::string text;
  std::vector<std::string> causes{};
};

// Returns a cause in the form "No such file or directory (os error 2)".
// If that is a lack of permission, with the path of the file.
std::string cause_of(int number, const std::string& path = {});

// Returns the failure for an operation that is not permitted. mdevctl prints only the errno; ours names the
// path and, because libvirt's daemons are confined by SELinux, where the denial is logged.
std::optional<Failure> denial_of(const Error& error);

// Returns a failure with the errno of `error`, if it has one, as cause.
// `path`: the file that could not be written.
Failure failure_of(const std::string& text, const Error& error, const std::string& path = {});

// Quotes and escapes a path for messages.
std::string shown(std::string_view path);

// Returns the complete message, with the trailing newline.
std::string format_failure(const Failure& failure);

// Writes a log message to stderr: "[TIME WARN  mdevctl::environment] TEXT". `where` is "mdevctl" or one of
// its modules; MDEVCTL_LOG can suppress it.
void warn(const std::string& where, const std::string& text);

// Writes the whole text. Returns 0 or the errno of the failure.
int write_out(int descriptor, std::string_view text);

}  // namespace mdevadm::compat
