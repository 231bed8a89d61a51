#include <mdevadm/sys/interrupt.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>

namespace mdevadm::sys {

namespace {

// A signal handler has no context argument, so the flag must be global. Other threads read it, so it must be
// atomic, and without a lock, which the interrupted thread might hold.
std::atomic<bool> signal_came = false;
static_assert(std::atomic<bool>::is_always_lock_free);

thread_local int times_ignored = 0;

void note_signal(int) {
  signal_came = true;
}

}  // namespace

void catch_signals() {
  struct sigaction once {};
  once.sa_handler = note_signal;
  once.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : std::array{SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old {};
    // A signal that the caller ignores (nohup) must stay ignored.
    if (::sigaction(number, nullptr, &old) == 0 && old.sa_handler != SIG_IGN) {
      ::sigaction(number, &once, nullptr);
    }
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
}

bool interrupted() {
  return signal_came && times_ignored == 0;
}

InterruptionIgnored::InterruptionIgnored() {
  ++times_ignored;
}

InterruptionIgnored::~InterruptionIgnored() {
  --times_ignored;
}

SignalGate::SignalGate() {
  sigset_t closed;
  ::sigemptyset(&closed);
  for (const int number : std::array{SIGINT, SIGTERM, SIGHUP}) {
    ::sigaddset(&closed, number);
  }
  ::pthread_sigmask(SIG_BLOCK, &closed, &before_);
}

SignalGate::~SignalGate() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void SignalGate::poll(std::span<pollfd> wait, std::optional<std::chrono::nanoseconds> patience) const {
  timespec left{};
  if (patience) {
    const auto positive = std::max(*patience, std::chrono::nanoseconds(0));
    left.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(positive).count();
    left.tv_nsec = (positive % std::chrono::seconds(1)).count();
  }
  if (::ppoll(wait.data(), wait.size(), patience ? &left : nullptr, &before_) <= 0) {
    for (pollfd& one : wait) {
      one.revents = 0;
    }
    return;
  }
  // While a descriptor is ready, no signal is delivered; without descriptors those that are pending are.
  const timespec at_once{};
  ::ppoll(nullptr, 0, &at_once, &before_);
}

}  // namespace mdevadm::sys
