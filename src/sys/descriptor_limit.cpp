#include <mdevadm/sys/descriptor_limit.hpp>

#include <sys/resource.h>

namespace mdevadm::sys {

namespace {

// Resource limits belong to the process; 0: unchanged.
rlim_t limit_before = 0;

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) {
    return;
  }
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  limit_before = ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? before : 0;
}

void restore_descriptor_limit() {
  rlimit limit{};
  if (limit_before != 0 && ::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit_before;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace mdevadm::sys
