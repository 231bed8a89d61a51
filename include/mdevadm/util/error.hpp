// Error reporting above sys/: one exception type that carries the exit code of the program.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace mdevadm {

// Exit codes of the process. mdevadm(8) documents the same table; scripts rely on the numbers.
enum class ExitCode : int {
  done = 0,
  failed = 1,
  usage = 2,
  not_found = 3,
  conflict = 4,
  in_use = 5,
  no_capacity = 6,
  abi_differs = 7,
  partly_done = 8,
};

// Whether and for how long it is worth retrying an operation that failed (run/boot.cpp).
enum class Retry {
  no,
  soon,     // the kernel asks to try again (EAGAIN): something is not ready at this moment
  perhaps,  // a thing is missing that should have appeared together with others that exist
  later,    // a thing does not exist yet and may take as long as a driver takes to load
};

// A failure. `what()` is one line, "<operation> '<object>': <reason>"; `hint()` is the suggested remedy, or
// empty.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  ExitCode code() const noexcept { return code_; }
  const std::string& hint() const noexcept { return hint_; }
  Retry retry() const noexcept { return retry_; }

  // Returns a copy with the given retry class.
  Error worth(Retry retry) const {
    Error same = *this;
    same.retry_ = retry;
    return same;
  }
  // Returns the errno that caused the error, or 0 if there was none.
  int number() const noexcept { return number_; }
  // Returns a copy that carries the given errno.
  Error caused_by(int number) const {
    Error same = *this;
    same.number_ = number;
    return same;
  }
  // Returns the same error with another message; code, hint, retry class and errno are preserved.
  Error reworded(const std::string& message) const {
    return Error(code_, message, hint_).worth(retry_).caused_by(number_);
  }

 private:
  ExitCode code_;
  std::string hint_;
  Retry retry_ = Retry::no;
  int number_ = 0;
};

}  // namespace mdevadm
