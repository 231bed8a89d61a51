#include <mdevadm/run/executor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <set>

#include <mdevadm/run/hooks.hpp>
#include <mdevadm/run/interrupted.hpp>
#include <mdevadm/run/machine.hpp>
#include <mdevadm/sys/clock.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/sys/parallel.hpp>
#include <mdevadm/util/text.hpp>

#include "perform.hpp"
#include "place_of_job.hpp"

namespace mdevadm {

namespace {

using std::chrono::milliseconds;

// The threads of this process take turns to change files, also while the process holds the lock: the store
// requires it. They do so before they ask for the lock of the definitions or of the claims: time that one
// waits for the others must not count as time in which another process holds the lock.
std::mutex turns_of_definitions;
std::mutex turns_of_claims;

template <typename... Kinds>
bool is_any_of(const Action& action) {
  return (std::holds_alternative<Kinds>(action) || ...);
}

bool changes_definitions(const Action& action) {
  return is_any_of<AddDefinition, ReplaceDefinition, ReserveFunction, RemoveDefinition, WriteConfig,
                   RemoveConfig, AddGroup, ReplaceGroup, LeaveGroup, RenameGroup, RemoveGroup,
                   WriteParentSettings, RemoveParentSettings>(action);
}

// Returns true for steps whose order relative to the steps of other jobs matters.
bool concerns_others(const Step& step) {
  return is_any_of<SetOnline, JoinPeers>(step.action);
}

// Returns whether a step is done by a virtual machine.
bool concerns_machine(const Step& step) {
  return is_any_of<AttachDevice, DetachDevice>(step.action);
}

// Calls a function with the index of each job: lanes in parallel, the jobs of a lane in order.
using ForEachJob = std::function<void(const std::function<void(std::size_t)>&)>;

// Returns how a device can be started that a restart has stopped, but could not start again: a refusal of its
// new type, or of an attribute, would be repeated.
std::string advice_after_stop(const Device& stopped, const JobResult& result, const std::string& word) {
  const auto* create = result.failed_action ? std::get_if<CreateDevice>(&*result.failed_action) : nullptr;
  const auto* write = result.failed_action ? std::get_if<WriteAttribute>(&*result.failed_action) : nullptr;
  if (create != nullptr && stopped.type && *stopped.type != create->what.type) {
    return fmt::format(
        "to start it with its previous type: mdevadm modify {0} --type {1} && mdevadm start {0}", word,
        shell_word(stopped.type->str()));
  }
  if (write != nullptr && !is_ap_attribute(write->attribute)) {
    return fmt::format(
        "to start it without this attribute: mdevadm modify {0} --delete-attr {1} && mdevadm start {0}", word,
        shell_word(write->attribute.name.str()));
  }
  return result.error->code() == ExitCode::no_capacity
             ? "when an instance is available, start it: mdevadm start " + word
             : "to start it: mdevadm start " + word;
}

class Run {
 public:
  Run(const Plan& plan, const Effects& effects, Progress& progress)
      : plan_(plan),
        effects_(effects),
        progress_(progress),
        results_(plan.jobs.size()),
        hooks_(plan.jobs.size()),
        places_(plan.jobs.size()),
        done_(plan.jobs.size()),
        held_(plan.jobs.size()) {}

  std::vector<JobResult> run(const ForEachJob& in_lanes) {
    std::set<unsigned> stages;
    for (std::size_t i = 0; i < plan_.jobs.size(); ++i) {
      const Job& job = plan_.jobs[i];
      results_[i].outcome = job.steps.empty() ? Outcome::unchanged : Outcome::done;
      results_[i].notes = job.notes;
      results_[i].holders = job.holders;
      results_[i].warnings = job.warnings;
      prepare_hooks(i);
      done_[i].reserve(job.steps.size());  // a step that is done can then be noted without memory
      for (const Step& step : job.steps) {
        stages.insert(step.stage);
      }
    }
    take_turn_of_plan();
    for (const unsigned stage : stages) {
      in_lanes([&](std::size_t job) { run_stage(job, stage); });
    }
    for (const std::string& unit : failed_units_) {
      undo_unit(unit);
      for (std::size_t i = 0; i < hooks_.size(); ++i) {
        if (unit_of(i) == unit) {
          end_hooks(i, HookState::failure);
        }
      }
    }
    end_boot_failures();
    return std::move(results_);
  }

 private:
  struct DoneStep {
    std::size_t number;  // position in the order of completion of all steps
    const Step* step;
  };

  // A start that succeeds ends the failure of the autostart.
  void end_boot_failures() const {
    for (std::size_t i = 0; i < plan_.jobs.size(); ++i) {
      for (const Step& step : plan_.jobs[i].steps) {
        const auto* create = std::get_if<CreateDevice>(&step.action);
        if (create != nullptr && results_[i].outcome == Outcome::done && !plan_.jobs[i].trial) {
          effects_.store.end_boot_failure(create->what.uuid, create->what.parent);
        }
      }
    }
  }

  // Returns the name of the jobs that are rolled back together with this one; nullopt: there are none.
  std::optional<std::string> unit_of(std::size_t number) const {
    const std::string& unit = plan_.jobs[number].unit;
    return plan_.bond == Bond::all_or_none ? std::optional(std::string{})
           : unit.empty()                  ? std::nullopt
                                           : std::optional(unit);
  }

  bool has_failed_unit(std::size_t number) {
    const std::optional<std::string> unit = unit_of(number);
    const std::lock_guard lock(failures_);
    return unit && failed_units_.contains(*unit);
  }

  void note_failure(std::size_t number) {
    const std::lock_guard lock(failures_);
    if (const std::optional<std::string> unit = unit_of(number)) {
      failed_units_.insert(*unit);
    }
  }

  // State of the scripts of a job.
  struct HookedJob {
    ScriptEvent event;
    // Of the operation that the scripts know: attaching to a virtual machine is not part of a start, and the
    // scripts of a device must not wait for the virtual machine and other devices.
    const Step* last = nullptr;
    bool whole = false;  // all steps up to the last one run in one stage
    bool begun = false;  // pre() succeeded and post() is outstanding
    bool asked = false;
    std::unique_lock<std::mutex> turn{};
  };

  void prepare_hooks(std::size_t number) {
    const Job& job = plan_.jobs[number];
    if (effects_.hooks != nullptr && job.hooks && !job.steps.empty() && effects_.hooks->any()) {
      const auto last = std::find_if_not(job.steps.rbegin(), job.steps.rend(), concerns_machine);
      hooks_[number] = {.event = event_of(*job.hooks),
                        .last = last != job.steps.rend() ? &*last : &job.steps.back(),
                        .whole = std::none_of(job.steps.begin(), job.steps.end(), concerns_others)};
    }
  }

  // Takes Hooks::turns() for the whole plan if the post event of a job can be later than the end of the job.
  void take_turn_of_plan() {
    bool is_late = false;
    for (std::size_t i = 0; i < hooks_.size(); ++i) {
      is_late |= hooks_[i] && (unit_of(i) || !hooks_[i]->whole);
    }
    if (is_late && effects_.hooks->any_callouts()) {
      turn_of_plan_ = std::unique_lock(effects_.hooks->turns());
    }
  }

  // Jobs that run completely between their scripts take turns, also with those of other plans.
  void take_turn(std::size_t number) {
    std::optional<HookedJob>& hooked = hooks_[number];
    if (hooked && hooked->whole && !hooked->asked && !hooked->turn && effects_.hooks->any_callouts()) {
      hooked->turn = std::unique_lock(turn_of_plan_ ? turns_in_plan_ : effects_.hooks->turns());
    }
  }

  void end_turn(std::size_t number) {
    if (hooks_[number]) {
      hooks_[number]->turn = {};
    }
  }

  void begin_hooks(std::size_t number) {
    std::optional<HookedJob>& hooked = hooks_[number];
    if (!hooked || hooked->asked) {
      return;
    }
    hooked->asked = true;
    const bool is_accepted = effects_.hooks->pre(hooked->event);
    hooked->begun = true;
    if (!is_accepted) {
      end_turn(number);
    }
  }

  void end_hooks(std::size_t number, HookState state) {
    std::optional<HookedJob>& hooked = hooks_[number];
    if (hooked && hooked->begun) {
      hooked->begun = false;
      effects_.hooks->post(hooked->event, state);
      effects_.hooks->notify(hooked->event, state);
    }
  }

  unsigned stage_of(std::size_t number, const Step& step) const {
    const bool whole = hooks_[number] && hooks_[number]->whole;
    return whole && !concerns_machine(step) ? plan_.jobs[number].steps.front().stage : step.stage;
  }

  bool is_stopped(std::size_t number) {
    return results_[number].outcome != Outcome::done || has_failed_unit(number);
  }

  void inherit_failure(std::size_t number) {
    const std::optional<std::size_t>& after = plan_.jobs[number].after;
    if (after && results_[*after].outcome == Outcome::failed && results_[number].outcome == Outcome::done) {
      results_[number].outcome = Outcome::failed;
      results_[number].error = results_[*after].error;
      results_[number].cause = results_[*after].cause;
      note_failure(number);
    }
  }

  void run_stage(std::size_t number, unsigned stage) {
    const Job& job = plan_.jobs[number];
    inherit_failure(number);
    bool any = false, ends = false;
    for (const Step& step : job.steps) {
      if (stage_of(number, step) != stage || is_stopped(number)) {
        continue;
      }
      take_turn(number);
      if (!is_stopped(number)) {  // another job may have failed since
        run_step(number, step);
        any = true;
        ends |= hooks_[number] && hooks_[number]->last == &step;
      }
    }
    if (any) {
      end_stage(number, ends);
    }
    end_turn(number);
  }

  // `ends`: the operation that the scripts know has ended.
  void end_stage(std::size_t number, bool ends) {
    const Job& job = plan_.jobs[number];
    if (job.trial && results_[number].outcome == Outcome::done) {
      end_trial(number);
    }
    const Outcome outcome = results_[number].outcome;
    if ((ends && outcome == Outcome::done) || outcome == Outcome::unchanged || outcome == Outcome::pending) {
      end_hooks(number, HookState::success);
    }
  }

  // Re-checks the preconditions of the plan under the lock, for changes that other processes made to other
  // files.
  void require_preconditions(const Job& job, const Action& action) const {
    if (const auto* add = std::get_if<AddDefinition>(&action)) {
      if (!add->takes_over_name) {
        effects_.store.require_free(add->definition);
      }
    } else if (const auto* replace = std::get_if<ReplaceDefinition>(&action)) {
      if (replace->before.name != replace->after.name &&
          !replace->takes_over_name) {  // hand-edited files may share a name
        effects_.store.require_free(replace->after);
      }
    } else if (const auto* remove = std::get_if<RemoveDefinition>(&action)) {
      // A later step may remove the definition from its group.
      const bool leaves = std::any_of(job.steps.begin(), job.steps.end(),
                                      [](const Step& step) { return is_any_of<LeaveGroup>(step.action); });
      if (!leaves) {
        effects_.store.require_no_member(remove->definition);
      }
    }
  }

  void perform(std::size_t number, const Action& action) {
    std::unique_lock<std::mutex> turn;
    std::optional<sys::FileLock> lock;
    if (changes_definitions(action)) {
      turn = std::unique_lock(turns_of_definitions);
      if (!effects_.holds_definitions) {
        lock = effects_.store.lock();
        require_preconditions(plan_.jobs[number], action);
      }
    } else if (is_any_of<KeepClaim, DropClaim>(action)) {
      turn = std::unique_lock(turns_of_claims);
      if (!effects_.holds_claims) {
        lock = effects_.store.lock_claims();
      }
    }
    const Job& job = plan_.jobs[number];
    const Waiting waiting = [&](const StepWait& wait) {
      const std::lock_guard serialized(mutex_);
      progress_.waiting(job, wait);
    };
    places_[number].perform(action, job, effects_, results_[number], waiting);
  }

  void run_step(std::size_t number, const Step& step) {
    const Job& job = plan_.jobs[number];
    JobResult& result = results_[number];
    try {
      throw_if_interrupted();
      begin_hooks(number);
      if (!result.begun) {
        result.begun = sys::since_boot();
      }
      perform(number, step.action);
      const std::lock_guard lock(mutex_);
      done_[number].push_back({steps_done_++, &step});
      progress_.done(job, step.action);
    } catch (const GoalReached& reached) {
      end_unchanged(number, reached.note);
    } catch (const RemovalPending& pending) {
      result.outcome = Outcome::pending;
      result.holders = pending.holders;
      result.warnings.push_back(
          fmt::format("removal of {} is pending{}{}", job.about.quoted(), describe_pending(pending.holders),
                      pending.holders.empty() ? "" : "; it completes when the device is closed"));
    } catch (const MaybeAttached& error) {
      held_[number] = "it may be attached to the virtual machine, and remains active";
      result.failed_action = step.action;
      fail(number, error);
    } catch (const Error& error) {
      if (is_any_of<DropClaim>(step.action) && has_removed(number)) {
        result.warnings.push_back(
            fmt::format("the record of the claim of {} remains, but the claim has ended with the device: {}",
                        job.about.quoted(), error.what()));
      } else {
        result.failed_action = step.action;
        fail(number, error);
      }
    } catch (const std::exception& error) {  // such as std::bad_alloc: roll back as for any failure
      fail(number, Error(ExitCode::failed, reason_of(error)));
    }
    result.ended = sys::since_boot();
  }

  // Ends a job whose goal another process has reached. The completed steps have only prepared what is not to
  // be done any more, such as the record of an unfinished start.
  void end_unchanged(std::size_t number, const std::string& note) {
    results_[number].outcome = Outcome::unchanged;
    results_[number].notes = {note};
    std::vector<std::string> left;
    undo_job(number, left);
    done_[number].clear();
    if (!left.empty()) {
      results_[number].warnings.push_back(fmt::format("{}: could not be rolled back: {}",
                                                      plan_.jobs[number].about.quoted(), join(left, "; ")));
    }
  }

  void fail(std::size_t number, const Error& error) {
    note_failure(number);
    results_[number].outcome = Outcome::failed;
    results_[number].cause = error;
    results_[number].notes.clear();
    results_[number].error =
        error.reworded(fmt::format("cannot {}: {}", plan_.jobs[number].goal_of_command(), error.what()));
    if (!unit_of(number)) {
      std::vector<std::string> left;
      const bool any = undo_job(number, left);
      const Device* stopped = left.empty() ? stopped_before(number) : nullptr;
      const bool is_down = stopped != nullptr;
      const std::string word = shell_word(plan_.jobs[number].about.word());
      add_ending(number, left,
                 is_down ? "; the device is stopped now"
                 : any   ? "; all changes were rolled back"
                         : "");
      if (is_down) {
        results_[number].error =
            results_[number].error->with_hint(advice_after_stop(*stopped, results_[number], word));
      }
      end_hooks(number, HookState::failure);
    }
  }

  bool has_removed(std::size_t number) const {
    return std::any_of(done_[number].begin(), done_[number].end(),
                       [](const DoneStep& one) { return is_any_of<RemoveDevice>(one.step->action); });
  }

  // Returns the device that one of the jobs on which this one depends has stopped, as it was before.
  const Device* stopped_before(std::size_t number) const {
    for (std::optional<std::size_t> before = plan_.jobs[number].after; before;
         before = plan_.jobs[*before].after) {
      for (const DoneStep& one : done_[*before]) {
        if (const auto* removal = std::get_if<RemoveDevice>(&one.step->action)) {
          return &removal->device;
        }
      }
    }
    return nullptr;
  }

  // Rolls back a job alone. Returns whether any step was rolled back.
  bool undo_job(std::size_t number, std::vector<std::string>& left) {
    bool any = false;
    note_held(number, left);
    const std::vector<DoneStep>& done = done_[number];
    for (auto last = done.rbegin(); last != done.rend(); ++last) {
      any |= undo(number, *last->step, left);
    }
    return any;
  }

  // Rolls back a trial that has succeeded.
  void end_trial(std::size_t number) {
    std::vector<std::string> left;
    undo_job(number, left);
    if (!left.empty()) {
      JobResult& result = results_[number];
      note_failure(number);
      result.outcome = Outcome::failed;
      result.cause = Error(result.undo_error ? result.undo_error->code() : ExitCode::failed,
                           "the devices could not be removed: " + join(left, "; "));
      result.error = result.cause->reworded(
          fmt::format("cannot {}: {}", plan_.jobs[number].goal_of_command(), result.cause->what()));
    }
    results_[number].ended = sys::since_boot();
  }

  // Rolls back the jobs of a unit, one step at a time in reverse order of completion: every intermediate
  // state has existed before.
  void undo_unit(const std::string& unit) {
    std::map<std::size_t, std::pair<std::size_t, const Step*>, std::greater<>> steps;
    std::vector<std::size_t> jobs;
    for (std::size_t job = 0; job < done_.size(); ++job) {
      if (unit_of(job) == unit) {
        jobs.push_back(job);
      }
    }
    for (const std::size_t job : jobs) {
      for (const DoneStep& done : done_[job]) {
        steps.emplace(done.number, std::pair(job, done.step));
      }
    }
    std::vector<std::string> left;
    for (const std::size_t job : jobs) {
      note_held(job, left);
    }
    bool any = false;
    for (const auto& [number, step] : steps) {
      any |= undo(step.first, *step.second, left);
    }
    const char* ending = !any           ? ""
                         : unit.empty() ? "; all changes were rolled back"
                                        : "; all starts of its group were rolled back";
    for (const std::size_t job : jobs) {
      results_[job].outcome =
          results_[job].outcome == Outcome::done ? Outcome::undone : results_[job].outcome;
      add_ending(job, left, ending);
    }
  }

  void note_held(std::size_t number, std::vector<std::string>& left) const {
    if (!held_[number].empty()) {
      left.push_back(fmt::format("{} ({})", plan_.jobs[number].about.quoted(), held_[number]));
    }
  }

  // Returns true if the step was rolled back. A failure is reported, and the remaining steps are still rolled
  // back, except those that stop a device that a virtual machine may use.
  bool undo(std::size_t number, const Step& step, std::vector<std::string>& left) {
    if (!step.undo || !held_[number].empty()) {
      return false;
    }
    const auto stays = [&](const Error& error) {
      results_[number].undo_error = error;
      left.push_back(fmt::format("{} ({})", describe(*step.undo), error.what()));
      if (is_any_of<DetachDevice>(*step.undo)) {
        held_[number] = "it remains attached";
      }
      return false;
    };
    try {
      const sys::InterruptionIgnored until_done;
      perform(number, *step.undo);
    } catch (const GoalReached&) {  // another process was faster
    } catch (const RemovalPending& pending) {
      return stays(Error(ExitCode::in_use, "the removal is pending" + describe_pending(pending.holders)));
    } catch (const Error& error) {
      return stays(error);
    } catch (const std::exception& error) {
      return stays(Error(ExitCode::failed, reason_of(error)));
    }
    report_undone(plan_.jobs[number], *step.undo);
    return true;
  }

  // The step has been rolled back, whether or not that can be reported.
  void report_undone(const Job& job, const Action& action) noexcept {
    try {
      const std::lock_guard lock(mutex_);
      progress_.undone(job, action);
    } catch (const std::exception&) {  // such as std::bad_alloc
    }
  }

  void add_ending(std::size_t number, const std::vector<std::string>& left,
                  const std::string& if_all_undone) {
    std::optional<Error>& error = results_[number].error;
    if (error) {
      error = error->reworded(
          error->what() +
          (left.empty() ? if_all_undone : fmt::format("; could not be rolled back: {}", join(left, "; "))));
    }
  }

  const Plan& plan_;
  const Effects& effects_;
  Progress& progress_;
  std::vector<JobResult> results_;
  std::vector<std::optional<HookedJob>> hooks_;
  std::vector<PlaceOfJob> places_;
  std::unique_lock<std::mutex> turn_of_plan_{};
  std::mutex turns_in_plan_;
  std::mutex mutex_;
  std::vector<std::vector<DoneStep>> done_;  // by job
  std::vector<std::string> held_;            // by job: why a virtual machine may use its device; empty: none
  std::size_t steps_done_ = 0;
  std::mutex failures_;
  std::set<std::string> failed_units_{};
};

// Returns the jobs that run one after the other: those of a lane, together with those of all lanes that are
// connected with it by a job that waits for one of another lane.
std::vector<std::vector<std::size_t>> lanes_of(const Plan& plan) {
  std::map<std::string, std::size_t> numbers;
  std::vector<std::size_t> lane_of;
  for (const Job& job : plan.jobs) {
    lane_of.push_back(numbers.try_emplace(job.lane, numbers.size()).first->second);
  }
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    if (const std::optional<std::size_t>& after = plan.jobs[i].after) {
      std::replace(lane_of.begin(), lane_of.end(), std::size_t{lane_of[i]}, std::size_t{lane_of[*after]});
    }
  }
  std::map<std::size_t, std::vector<std::size_t>> lanes;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    lanes[lane_of[i]].push_back(i);
  }
  std::vector<std::vector<std::size_t>> result;
  for (auto& [number, lane] : lanes) {
    if (plan.backwards) {
      std::reverse(lane.begin(), lane.end());
    }
    result.push_back(std::move(lane));
  }
  return result;
}

}  // namespace

std::vector<JobResult> carry_out(const Plan& plan, const Effects& effects, Progress& progress) {
  const std::vector<std::vector<std::size_t>> lanes = lanes_of(plan);
  const ForEachJob in_lanes = [&](const std::function<void(std::size_t)>& run) {
    sys::for_each_in_parallel(lanes.size(),
                              [&](std::size_t i) { std::for_each(lanes[i].begin(), lanes[i].end(), run); });
  };
  return Run(plan, effects, progress).run(in_lanes);
}

}  // namespace mdevadm
