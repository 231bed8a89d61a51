// Error reporting above sys/: one exception type that carries the exit code of the program.
#pragma once

#include <exception>
#include <mdevadm/util/holder.hpp>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

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
  partial = 8,
  differs = 9,
};

// Whether and for how long it is worth retrying an operation that failed (run/boot.cpp).
enum class Retry {
  no,
  soon,     // the kernel asks to try again (EAGAIN): something is not ready at this moment
  perhaps,  // a thing is missing that should have appeared together with others that exist
  later,    // a thing does not exist yet and may take as long as a driver takes to load
};

// A failure. `what()` is one line, "<operation> '<object>': <reason>". Each hint is one line that names one
// remedy, best first.
class Error : public std::runtime_error {
 public:
  // An empty `hint` is not a hint.
  Error(ExitCode code, const std::string& message, const std::string& hint = {})
      : Error(code, message, hint.empty() ? std::vector<std::string>{} : std::vector{hint}) {}
  Error(ExitCode code, const std::string& message, std::vector<std::string> hints)
      : std::runtime_error(message), code_(code), hints_(std::move(hints)) {}

  ExitCode code() const noexcept { return code_; }
  const std::vector<std::string>& hints() const noexcept { return hints_; }
  Retry retry() const noexcept { return retry_; }

  // Returns a copy with the given retry class.
  Error worth(Retry retry) const {
    Error same = *this;
    same.retry_ = retry;
    return same;
  }
  // Returns a copy with one more hint.
  Error with_hint(const std::string& hint) const {
    Error same = *this;
    same.hints_.push_back(hint);
    return same;
  }
  // Returns the processes that use the device, for in_use.
  const std::vector<Holder>& holders() const noexcept { return holders_; }
  // Returns a copy that names these processes.
  Error held_by(std::vector<Holder> holders) const {
    Error same = *this;
    same.holders_ = std::move(holders);
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
  // Returns the same error with another message; everything else is preserved.
  Error reworded(const std::string& message) const {
    return Error(code_, message, hints_).worth(retry_).caused_by(number_).held_by(holders_);
  }

 private:
  ExitCode code_;
  std::vector<std::string> hints_;
  Retry retry_ = Retry::no;
  int number_ = 0;
  std::vector<Holder> holders_;
};

// Returns the text of an exception for a message.
inline std::string reason_of(const std::exception& error) {
  return dynamic_cast<const std::bad_alloc*>(&error) != nullptr ? "out of memory" : error.what();
}

}  // namespace mdevadm
