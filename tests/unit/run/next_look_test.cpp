#include <run/next_look.hpp>

#include "catch.hpp"

using namespace mdevadm;
using namespace std::chrono_literals;

TEST_CASE("a device without a type is reported soon after its driver has accepted it, or after a minute") {
  NextLook look;
  const auto begin = look.since;
  CHECK_FALSE(look.is_last(begin));
  CHECK_FALSE(look.is_last(begin + 60s));
  CHECK(look.is_last(begin + 60s + 1ms));
  look.bind(begin + 10s);
  CHECK(look.due == begin + 10s);
  CHECK_FALSE(look.is_last(begin + 10s + 250ms));
  CHECK(look.is_last(begin + 10s + 251ms));
}

TEST_CASE(
    "pauses between looks double up to a second, and begin again when the driver has accepted the device") {
  NextLook look;
  const auto begin = look.since;
  for (const auto pause : {1ms, 2ms, 4ms, 8ms}) {
    look.put_off(begin);
    CHECK(look.due == begin + pause);
  }
  for (int i = 0; i < 20; ++i) {
    look.put_off(begin);
  }
  CHECK(look.due == begin + 1s);
  look.bind(begin + 5s);
  look.put_off(begin + 5s);
  CHECK(look.due == begin + 5s + 1ms);
}
