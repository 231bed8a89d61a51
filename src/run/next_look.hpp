// When `monitor` looks again at a device that is starting. Internal header.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace mdevadm {

struct NextLook {
  using Clock = std::chrono::steady_clock;
  // How long a device may have no type after its driver has accepted it, and how long a driver may take.
  static constexpr std::chrono::milliseconds longest_without_type{250};
  static constexpr std::chrono::seconds longest_start{60};

  Clock::time_point since = Clock::now();
  std::optional<Clock::time_point> bound{};  // when its driver accepted it
  Clock::time_point due = Clock::now();
  std::chrono::milliseconds pause{1};

  // Returns whether the device is reported as it is now, even if it is not complete.
  bool is_last(Clock::time_point now) const {
    return (bound && now - *bound > longest_without_type) || now - since > longest_start;
  }
  // The driver has accepted the device.
  void bind(Clock::time_point now) {
    bound = due = now;
    pause = std::chrono::milliseconds{1};
  }
  // Sets the time of the look after this one.
  void put_off(Clock::time_point now) {
    due = now + pause;
    pause = std::min(pause * 2, std::chrono::milliseconds{1000});
  }
};

}  // namespace mdevadm
