// What sys/ answers: a value, or the errno and the path it is about. sys/ never throws, prints or logs.
#pragma once

#include <fmt/format.h>

#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace mdevadm::sys {

struct SysError {
  int number;        // errno
  std::string path;  // what the call was about, as the caller named it
};

// "Permission denied" and the like, in the C locale.
std::string errno_text(int number);

// The advice that goes with an errno, or empty.
std::string errno_hint(int number);

// Whether the errno says that the thing is not there (ENOENT, ENOTDIR, or ENODEV of a device that is just
// going).
bool is_absence(int number);

// Throws the Error that `error` amounts to under the words of somebody who knows what was wanted.
[[noreturn]] void throw_error(const SysError& error, const std::string& doing);

// Either a T or a SysError. Turning the second into an exception is explicit: or_throw() with the caller's
// words.
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
  // Only after operator bool said no.
  const SysError& error() const { return std::get<1>(state_); }

  // The value, or Error{failed, "<words>: <errno in words>"}.
  template <typename... Args>
  T or_throw(fmt::format_string<Args...> words, Args&&... args) && {
    if (!*this) {
      throw_error(error(), fmt::format(words, std::forward<Args>(args)...));
    }
    return std::get<0>(std::move(state_));
  }

  // The value, nothing where is_absence(), or Error.
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

// The value of a Result that only says whether it went well.
struct Done {};

}  // namespace mdevadm::sys
