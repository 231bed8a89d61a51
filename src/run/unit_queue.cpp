#include "unit_queue.hpp"

#include <algorithm>
#include <mdevadm/sys/parallel.hpp>

namespace mdevadm {

UnitQueue::UnitQueue(const std::vector<RetriedTask*>& units) : left_(units.size()) {
  const Clock::time_point now = Clock::now();
  for (RetriedTask* unit : units) {
    waiting_.emplace(now, Unit{unit, unit->parents()});
  }
}

void UnitQueue::run() {
  sys::for_each_in_parallel(left_, [this](std::size_t) { work(); });
  if (failure_) {
    std::rethrow_exception(failure_);
  }
}

void UnitQueue::work() {
  std::unique_lock lock(mutex_);
  while (left_ > 0) {
    const Clock::time_point now = Clock::now();
    const auto ready = find_ready(now);
    if (ready == waiting_.end()) {
      wait(lock, now);
      continue;
    }
    auto taken = waiting_.extract(ready);
    std::optional<std::chrono::milliseconds> pause;
    try {
      pause = attempt(taken.mapped(), taken.key(), lock);
    } catch (...) {  // such as std::bad_alloc; the other threads wait for the end of this unit
      failure_ = failure_ ? failure_ : std::current_exception();
    }
    if (pause) {
      taken.key() = Clock::now() + *pause;
      waiting_.insert(std::move(taken));
    } else if (--left_ == 0) {
      idle_.notify_all();
    }
    wake();
  }
}

// Tries a unit that is due, without the lock, which the caller has.
std::optional<std::chrono::milliseconds> UnitQueue::attempt(Unit& unit, Clock::time_point due,
                                                            std::unique_lock<std::mutex>& lock) {
  struct Use {
    ~Use() {
      if (!lock.owns_lock()) {
        lock.lock();
      }
      for (const ParentName& parent : parents) {
        used.erase(parent);
      }
    }
    std::unique_lock<std::mutex>& lock;
    std::set<ParentName>& used;
    std::vector<ParentName> parents;
  } use{lock, used_, unit.parents};
  used_.insert(unit.parents.begin(), unit.parents.end());
  wake();  // there may be work for another thread, too
  lock.unlock();
  const auto pause = unit.task->attempt(due);
  if (pause) {
    unit.parents = unit.task->parents();
  }
  return pause;
}

// One thread waits until the next unit is due, the others until it wakes them. `now` is the time for which
// find_ready() found none: a unit that has become due since must not count as one whose parents are in use.
void UnitQueue::wait(std::unique_lock<std::mutex>& lock, Clock::time_point now) {
  const auto next = waiting_.upper_bound(now);
  if (has_timer_ || next == waiting_.end()) {
    idle_.wait(lock);
    return;
  }
  has_timer_ = true;
  timer_.wait_until(lock, Clock::time_point(next->first));  // the unit can be removed during the wait
  has_timer_ = false;
}

// Returns the unit that is due for the longest time and whose parents are not in use.
UnitQueue::Waiting::iterator UnitQueue::find_ready(Clock::time_point now) {
  const auto end = waiting_.upper_bound(now);
  const auto ready = std::find_if(waiting_.begin(), end, [&](const Waiting::value_type& one) {
    const std::vector<ParentName>& parents = one.second.parents;
    return std::none_of(parents.begin(), parents.end(),
                        [&](const ParentName& parent) { return used_.contains(parent); });
  });
  return ready == end ? waiting_.end() : ready;
}

void UnitQueue::wake() {
  timer_.notify_one();
  idle_.notify_one();
}

}  // namespace mdevadm
