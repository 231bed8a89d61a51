#include <mdevadm/sys/parallel.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("for_each_in_parallel does each work once, also with more work than threads") {
  std::array<std::atomic<int>, 3 * sys::most_threads> times{};
  sys::for_each_in_parallel(times.size(), [&](std::size_t i) { ++times.at(i); });
  for (const std::atomic<int>& one : times) {
    CHECK(one == 1);
  }
  sys::for_each_in_parallel(0, [](std::size_t) { FAIL("no work"); });
}

TEST_CASE("for_each_in_parallel does all work and then throws an exception of it") {
  std::atomic<int> done = 0;
  const auto work = [&](std::size_t i) {
    if (i == 1) {
      throw std::runtime_error("one");
    }
    ++done;
  };
  CHECK_THROWS_WITH(sys::for_each_in_parallel(8, work), "one");
  CHECK(done == 7);
}

TEST_CASE("for_each_in_parallel does all work in the present thread if the system refuses others") {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{0, 0};
    constexpr uid_t nobody = 65534;  // the limit does not apply to root
    if ((::geteuid() == 0 && ::setresuid(nobody, nobody, nobody) != 0) ||
        ::setrlimit(RLIMIT_NPROC, &none) != 0) {
      ::_exit(2);
    }
    const std::thread::id present = std::this_thread::get_id();
    std::size_t done = 0;
    sys::for_each_in_parallel(10,
                              [&](std::size_t) { done += std::this_thread::get_id() == present ? 1U : 0U; });
    ::_exit(done == 10 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
