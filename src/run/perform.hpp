// The effects of single actions.
#pragma once

#include <chrono>
#include <functional>
#include <mdevadm/run/executor.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Ends a job early because another process has already reached its goal.
struct GoalReached {
  std::string note;
};

// Ends a job because the kernel completes the removal later.
struct RemovalPending {
  std::vector<Holder> holders;
};

// Announces that a step waits. Can be called by another thread than that of the step.
using Waiting = std::function<void(const StepWait&)>;

// Returns why a removal is not complete, as the end of a sentence about it.
std::string describe_pending(const std::vector<Holder>& holders);

// Performs an action of a job and appends its warnings to `warnings`. Throws Error with the reason only,
// GoalReached or RemovalPending.
void perform_action(const Action& action, const Effects& effects, const Job& job,
                    std::vector<std::string>& warnings, const Waiting& waiting);

}  // namespace mdevadm
