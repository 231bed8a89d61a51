// The order in which the units of the autostart are tried.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <map>
#include <mdevadm/model/names.hpp>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

namespace mdevadm {

// Something that is tried until it succeeds or fails for good.
class RetriedTask {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~RetriedTask() = default;
  // Returns the parents that the next attempt uses. They are used by one attempt at a time.
  virtual std::vector<ParentName> parents() = 0;
  // Returns the pause before the next attempt; nullopt: there is nothing left to do.
  // `due`: when the attempt could have begun if no other one had used its parents.
  virtual std::optional<std::chrono::milliseconds> attempt(Clock::time_point due) = 0;
};

// Tries units in parallel. Those with a parent in common take turns, in their order, before they ask for its
// lock: otherwise one would take the others of its own process for another process that holds the lock, and
// fail when these take long. A unit that waits needs no thread.
class UnitQueue {
 public:
  explicit UnitQueue(const std::vector<RetriedTask*>& units);

  // Returns when all units have ended. An attempt that throws ends its unit; the first exception is thrown
  // again when the others have ended.
  void run();

 private:
  using Clock = RetriedTask::Clock;
  struct Unit {
    RetriedTask* task;
    std::vector<ParentName> parents;
  };
  using Waiting = std::multimap<Clock::time_point, Unit>;

  void work();
  std::optional<std::chrono::milliseconds> attempt(Unit& unit, Clock::time_point due,
                                                   std::unique_lock<std::mutex>& lock);
  void wait(std::unique_lock<std::mutex>& lock, Clock::time_point now);
  Waiting::iterator find_ready(Clock::time_point now);
  void wake();

  std::mutex mutex_;
  std::condition_variable idle_;
  std::condition_variable timer_;  // of the one thread that waits for the next unit to be due
  bool has_timer_ = false;
  Waiting waiting_;
  std::size_t left_;
  std::set<ParentName> used_;  // by present attempts
  std::exception_ptr failure_{};
};

}  // namespace mdevadm
