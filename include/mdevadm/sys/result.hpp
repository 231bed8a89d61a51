// Return type of sys/: a value, or an errno with the path concerned. sys/ never throws, prints or logs.
#pragma once

#include <fmt/format.h>

#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace mdevadm::sys {

// Beside the kernel's numbers, which end at 4095: the file is a device, a FIFO or a socket, or, where none is
// expected, a symbolic link.
inline constexpr int not_a_file = 4096;

struct SysError {
  int number;        // errno, or not_a_file
  std::string path;  // the object of the failed call, as named by the caller
};

// Returns the description of an errno in the C locale, for example "Permission denied".
std::string errno_text(int number);

// Returns the hint for an errno, or an empty string.
std::string errno_hint(int number);

// Returns whether the errno means that the object does not exist (ENOENT, ENOTDIR, or ENODEV of a device that
// is being removed).
bool is_absence(int number);

// Throws Error{failed} "<doing>: <description of the errno>", with the hint for the errno.
[[noreturn]] void throw_error(const SysError& error, const std::string& doing);

// Either a T or a SysError. Conversion to an exception is explicit: or_throw() with the caller's description
// of the operation.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}         // NOLINT(google-explicit-constructor): return x;
  Result(SysError error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor): return error;

  explicit operator bool() const noexcept { return state_.index() == 0; }
  const T& operator*() const& { return std::get<0>(state_); }
  T& operator*() & { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  const T* operator->() const { return &std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  // Precondition: the result is an error.
  const SysError& error() const { return std::get<1>(state_); }

  // Returns the value, or throws Error{failed, "<words>: <description of the errno>"}.
  template <typename... Args>
  T or_throw(fmt::format_string<Args...> words, Args&&... args) && {
    if (!*this) {
      throw_error(error(), fmt::format(words, std::forward<Args>(args)...));
    }
    return std::get<0>(std::move(state_));
  }

  // Returns the value, or nullopt if is_absence() of its errno; throws Error otherwise.
  std::optional<T> or_absent() && {
    if (*this) {
      return std::get<0>(std::move(state_));
    }
    if (is_absence(error().number)) {
      return std::nullopt;
    }
    throw_error(error(), fmt::format("cannot read '{}'", error().path));
  }

 private:
  std::variant<T, SysError> state_;
};

// The value type of operations that return no value.
struct Done {};

}  // namespace mdevadm::sys
