// Deferred signal handling: SIGINT, SIGTERM and SIGHUP set a flag that is checked between steps, so that
// completed steps can be rolled back.
#pragma once

#include <poll.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <span>

namespace mdevadm::sys {

// Installs the handlers: the first SIGINT, SIGTERM or SIGHUP only sets the flag, the second one ends the
// process by default action; signals that the caller ignores stay ignored. Ignores SIGPIPE, so writes fail
// with EPIPE. Resets SIGCHLD to its default, because waitpid(2) returns no exit status if the caller made us
// ignore it.
void catch_signals();

// Returns whether one of these signals has arrived.
bool interrupted();

// While an object exists, interrupted() returns false in its thread: for steps that roll back what was done
// before the signal, and must not give up when they wait.
class InterruptionIgnored {
 public:
  InterruptionIgnored();
  ~InterruptionIgnored();
  InterruptionIgnored(const InterruptionIgnored&) = delete;
  InterruptionIgnored& operator=(const InterruptionIgnored&) = delete;
};

// While an object exists, these signals arrive only during its poll(), so none is missed between a call of
// interrupted() and the wait.
class SignalGate {
 public:
  SignalGate();
  ~SignalGate();
  SignalGate(const SignalGate&) = delete;
  SignalGate& operator=(const SignalGate&) = delete;

  // Waits like poll(2), without a limit if `patience` is absent. Returns early after a signal. A signal
  // arrives even if a descriptor is always ready.
  void poll(std::span<pollfd> wait, std::optional<std::chrono::nanoseconds> patience) const;

 private:
  sigset_t before_{};
};

}  // namespace mdevadm::sys
