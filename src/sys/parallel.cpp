#include <mdevadm/sys/parallel.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace mdevadm::sys {

void for_each_in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work_on = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = failure ? failure : std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    try {
      while (others.size() + 1 < std::min(count, most_threads)) {
        others.emplace_back(work_on);
      }
    } catch (const std::exception&) {  // the limit of processes (RLIMIT_NPROC, pids.max), or lack of memory
    }
    work_on();
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
}

}  // namespace mdevadm::sys
