// What mdevctl says on standard error, and how.
#pragma once

#include <mdevadm/util/error.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::compat {

// "Error: TEXT", with what caused it.
struct Failure {
  std::string text;
  std::vector<std::string> causes{};
};

// "No such file or directory (os error 2)"
std::string cause_of(int number);

// With the errno that caused it, where there was one.
Failure failure_of(const std::string& text, const Error& error);

// In the quotes and escapes in which paths are shown.
std::string shown(std::string_view path);

// All of it, with the newline.
std::string format_failure(const Failure& failure);

// To standard error, as its logger does: "[TIME WARN  mdevctl::environment] TEXT". `where` is "mdevctl" or a
// part of it; MDEVCTL_LOG can silence it.
void warn(const std::string& where, const std::string& text);

// All of it; 0, or the errno that kept it from being written.
int write_out(int descriptor, std::string_view text);

}  // namespace mdevadm::compat
