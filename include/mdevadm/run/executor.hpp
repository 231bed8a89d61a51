// Executor: the only component that carries out plans.
#pragma once

#include <chrono>
#include <mdevadm/host/host.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/store/store.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// A step waits for at most `patience`: until the processes that use the device release it, or until the
// kernel has removed it.
struct StepWait {
  std::vector<Holder> holders;
  std::chrono::milliseconds patience;
  bool is_for_removal = false;
};

// Observer interface; callbacks are serialized, whatever thread they come from.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void done(const Job& job, const Action& action) = 0;
  virtual void undone(const Job& job, const Action& action) = 0;
  virtual void waiting(const Job& job, const StepWait& wait) = 0;
};

enum class Outcome {
  done,
  unchanged,
  pending,  // the kernel has accepted the removal and completes it when the device is released
  failed,
  undone,  // succeeded or not started, then rolled back because another job of an all-or-none plan failed
};

struct JobResult {
  Outcome outcome = Outcome::done;
  std::vector<std::string> notes{};  // sentences; unchanged: why there was nothing to do
  std::optional<Error> error{};      // failed: "cannot start '…': <reason>; <rollback result>"
  std::optional<Error> cause{};      // failed: the original error, "<reason>"
  std::vector<std::string> warnings{};
  std::vector<Holder> holders{};          // pending: the processes that use the device
  std::optional<Action> failed_action{};  // failed: the action that failed
  std::optional<Error> undo_error{};      // reason if a step could not be rolled back
  // Start of the first and end of the last step, relative to boot; absent: there was no step.
  std::optional<std::chrono::milliseconds> begun{};
  std::optional<std::chrono::milliseconds> ended{};
};

class Hooks;
class Machine;

struct Effects {
  const Host& host;
  const store::Store& store;
  Hooks* hooks = nullptr;  // scripts to run; nullptr: none
  // Whether the caller holds the lock of the definitions. If not, each change of a definition takes it: the
  // lock must not be held while scripts run, which may take long.
  bool holds_definitions = false;
  Machine* machine = nullptr;  // the virtual machine, for plans that attach or detach devices
  bool holds_claims = false;   // whether the caller holds the lock of the claims
};

// Executes all jobs: jobs of different lanes in parallel, jobs of one lane in order. If a step of a job
// fails, or the job is interrupted, its completed steps are rolled back in reverse order. The other jobs
// continue (Bond::none), or start no further step and are rolled back as well, the most recent step of all
// jobs first (Bond::all_or_none). A forced removal that is pending ends its job without rollback. A job whose
// device another process has created is rolled back and ends unchanged. Returns one
// result per job in the order of the plan. Does not throw.
//
// Scripts run only for jobs that have steps. The pre scripts run before the first step; if one refuses,
// nothing is done and the notification scripts receive the state `none`. Otherwise the post and
// notification scripts run after the last step, or after the rollback of a failed job. If an all-or-none
// plan fails, jobs whose success was already notified are rolled back without another notification:
// mdevctl defines no action for that. Scripts hold locks between pre and post (ap-check does, and would
// wait for itself), so a job on which no other job depends is executed within one stage.
std::vector<JobResult> carry_out(const Plan& plan, const Effects& effects, Progress& progress);

}  // namespace mdevadm
