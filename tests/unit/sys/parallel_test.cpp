#include <mdevadm/sys/parallel.hpp>

#include <array>
#include <atomic>
#include <stdexcept>

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
