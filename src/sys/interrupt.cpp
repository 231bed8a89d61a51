#include <mdevadm/sys/interrupt.hpp>

#include <array>
#include <csignal>

namespace mdevadm::sys {

namespace {

// A signal handler has no context argument, so the flag must be global.
volatile std::sig_atomic_t signal_came = 0;

void note_signal(int) {
  signal_came = 1;
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
  return signal_came != 0;
}

}  // namespace mdevadm::sys
