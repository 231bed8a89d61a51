#include <mdevadm/sys/interrupt.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("a signal arrives in poll() although a descriptor is ready") {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGTERM, SIG_DFL);
    sys::catch_signals();
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0 || ::write(ends[1], "x", 1) != 1) {
      ::_exit(1);
    }
    const sys::SignalGate gate;
    ::raise(SIGTERM);
    if (sys::interrupted()) {
      ::_exit(2);
    }
    std::array<pollfd, 1> ready{{{.fd = ends[0], .events = POLLIN, .revents = 0}}};
    gate.poll(ready, std::nullopt);
    ::_exit(!sys::interrupted() ? 3 : (ready[0].revents & POLLIN) == 0 ? 4 : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a thread that rolls back ignores the interruption") {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGTERM, SIG_DFL);
    sys::catch_signals();
    ::raise(SIGTERM);
    bool is_ignored = false;
    bool elsewhere = false;
    {
      const sys::InterruptionIgnored scope;
      is_ignored = !sys::interrupted();
      std::thread([&] { elsewhere = sys::interrupted(); }).join();
    }
    ::_exit(!is_ignored ? 1 : !elsewhere ? 2 : !sys::interrupted() ? 3 : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
