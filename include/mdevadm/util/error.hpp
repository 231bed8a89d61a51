// How everything above sys/ reports failure: one exception type that carries the program's exit code.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace mdevadm {

// What the process answers. mdevadm(8) has the same table; scripts rely on the numbers.
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

// Whether the same may go well when it is tried again.
enum class Retry {
  no,
  soon,     // the kernel asks for it: something is not ready at this moment
  perhaps,  // something is missing that should have come with what is there
  later,    // something has not come yet, and may take as long as a driver takes to load
};

// What went wrong: `what()` is one line, "<what we were doing> '<thing>': <why>"; `hint()` says what to do,
// or is empty.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  ExitCode code() const noexcept { return code_; }
  const std::string& hint() const noexcept { return hint_; }
  Retry retry() const noexcept { return retry_; }

  Error worth(Retry retry) const {
    Error same = *this;
    same.retry_ = retry;
    return same;
  }
  // The errno that was the cause, 0 if there was none.
  int number() const noexcept { return number_; }
  Error caused_by(int number) const {
    Error same = *this;
    same.number_ = number;
    return same;
  }
  // The same, said in other words.
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
