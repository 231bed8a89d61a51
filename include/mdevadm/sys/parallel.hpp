// Work in several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace mdevadm::sys {

// Limit of the threads of one call. Most of them wait for the kernel or for another process.
inline constexpr std::size_t most_threads = 128;

// Calls `work` with each number below `count`, in up to `most_threads` threads, one of which is the present
// one, and returns when all calls have returned. The calls begin in order. If the system refuses further
// threads, those that exist do all the work. If calls throw, one of the exceptions is thrown at the end.
void for_each_in_parallel(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace mdevadm::sys
