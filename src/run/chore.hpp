// When the work of monitor is due. Internal header.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace mdevadm {

using MonitorClock = std::chrono::steady_clock;
using Moment = std::optional<MonitorClock::time_point>;

inline void keep_earlier(Moment& first, const Moment& other) {
  first = first && other ? std::min(*first, *other) : first ? first : other;
}

// Work that is done on request, but never takes more than a fifth of the time.
class Chore {
 public:
  void request(std::chrono::milliseconds delay = std::chrono::milliseconds(0)) {
    keep_earlier(due_, std::max(MonitorClock::now() + delay, earliest_));
  }
  const Moment& due() const { return due_; }

  template <typename Work>
  void run_if_due(const Work& work) {
    const auto begin = MonitorClock::now();
    if (!due_ || *due_ > begin) {
      return;
    }
    due_.reset();
    work();
    const auto end = MonitorClock::now();
    earliest_ = end + 4 * (end - begin);
  }

 private:
  Moment due_{};
  MonitorClock::time_point earliest_{};
};

}  // namespace mdevadm
