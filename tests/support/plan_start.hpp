// The start of a single device, as tests plan it.
#pragma once

#include <mdevadm/plan/start.hpp>

namespace mdevadm::test {

inline Job plan_start(const Snapshot& seen, const Definition& wanted) {
  return StartPlanner(seen).plan(wanted);
}

}  // namespace mdevadm::test
