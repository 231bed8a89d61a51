#include <mdevadm/run/executor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/places.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/run/hooks.hpp>
#include <mdevadm/run/interrupted.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/sys/clock.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/util/text.hpp>

#include "parent_steps.hpp"

namespace mdevadm {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds holder_poll{100};

// Ends a job early because another process has already reached its goal.
struct AlreadySo {
  std::string note;
};

// Ends a job because the kernel completes the removal later.
struct RemovalPending {
  std::vector<Holder> holders;
};

std::string interrupted_wait(const Device& device) {
  return device.removing ? "interrupted; " + describe_removal(device)
                         : "interrupted; the device remains active and in use by " + describe(device.holders);
}

// Announces that a step waits for the release of a device.
using Waiting = std::function<void(const std::vector<Holder>&, milliseconds)>;

class Performer {
 public:
  Performer(const Effects& effects, const Job& job, std::vector<std::string>& warnings,
            const Waiting& waiting)
      : effects_(effects), job_(job), warnings_(warnings), waiting_(waiting) {}

  void operator()(const CreateDevice& action) const {
    try {
      effects_.host.create(action.what);
    } catch (const Error& error) {
      if (error.code() == ExitCode::conflict) {
        try {
          explain_existing(action.what);
        } catch (const Error& explained) {
          throw explained.caused_by(error.number());
        }
      }
      throw;
    }
  }

  void operator()(const RemoveDevice& action) const {
    if (action.forced && action.device.busy) {
      waiting_(action.device.holders, action.patience);
    }
    if (remove(action) == Removal::done) {
      return;
    }
    Device device = action.device;
    effects_.host.find_users_of(device);
    if (action.forced) {
      throw RemovalPending{device.holders};
    }
    throw Error(ExitCode::in_use,
                device.holders.empty()
                    ? std::string("the removal is pending; no process that uses the device was found")
                    : "the removal is pending: still in use by " + describe(device.holders),
                "the removal completes when the device is closed; until then the UUID and the instance "
                "remain in use")
        .held_by(device.holders);
  }

  void operator()(const Aggregate& action) const { effects_.host.aggregate(action.device, action.units); }

  void operator()(const WriteAttribute& action) const {
    const auto reads = effects_.host.write_attribute(action.device, action.attribute, action.bare);
    if (reads && *reads != trim(action.attribute.value)) {
      warnings_.push_back(fmt::format("{}: attribute '{}' was set to '{}' but reads back '{}'",
                                      job_.about.quoted(), action.attribute.name.str(),
                                      printable(action.attribute.value), printable(*reads)));
    }
  }

  void operator()(const AssignQueues& action) const {
    effects_.host.assign_queues(action.device, action.attributes);
  }

  void operator()(const JoinPeers& action) const {
    if (effects_.host.join_peers(action.device, action.peers) || !action.required || !action.leader) {
      return;
    }
    // Without the attribute, the device shares only if it was created in the IOMMU group.
    const std::optional<Device> now = effects_.host.observe_device(action.device);
    const std::optional<Device> leader = effects_.host.observe_device(*action.leader);
    if (!now || !leader || now->iommu_group != leader->iommu_group) {
      throw Error(
          ExitCode::failed,
          fmt::format("the device does not share the IOMMU group of '{}': not supported by the driver",
                      action.leader->uuid.str()),
          "share only where supported with --p2p auto");
    }
  }

  void operator()(const SetOnline& action) const { effects_.host.set_online(action.device, action.online); }

  void operator()(const AwaitDevice& action) const {
    if (!effects_.host.wait_for_device(action.device, action.patience)) {
      warnings_.push_back(
          fmt::format("{} is active, but /dev/vfio does not exist (container?); VFIO node not checked",
                      job_.about.quoted()));
    }
    if (action.made_here) {
      return;
    }
    const std::optional<Device> now = effects_.host.observe_device(action.device);
    if (!now || now->type != action.device.type) {
      throw Error(ExitCode::conflict,
                  now ? "created with another type by another process" : "removed by another process");
    }
  }

  void operator()(const AwaitRelease& action) const {
    const auto deadline = std::chrono::steady_clock::now() + action.patience;
    Device device = action.device;
    const auto is_in_the_way = [&] {
      effects_.host.find_users_of(device);
      return device.removing ? effects_.host.has_directory(device) : device.busy;
    };
    bool waits = is_in_the_way();
    if (waits) {
      waiting_(device.holders, action.patience);
    }
    while (waits && std::chrono::steady_clock::now() < deadline) {
      if (sys::interrupted()) {
        throw Error(ExitCode::failed, interrupted_wait(device)).held_by(device.holders);
      }
      std::this_thread::sleep_for(holder_poll);
      waits = is_in_the_way();
    }
    if (waits && !action.forced) {
      throw Error(ExitCode::in_use,
                  device.removing ? describe_removal(device) : "still in use by " + describe(device.holders))
          .held_by(device.holders);
    }
  }

  void operator()(const OwnNode& action) const { effects_.host.own_node(action.device, action.policy); }

  void operator()(const CheckMigration& action) const {
    if (effects_.host.takes_migration_version(action.parent, action.type, action.version) == false) {
      throw Error(ExitCode::abi_differs,
                  fmt::format("the driver does not accept the migration version '{}' of the definition",
                              printable(action.version)),
                  "accept the new ABI with --accept-abi");
    }
  }

  void operator()(const KeepRecord& action) const { effects_.store.keep_record(action.record); }
  void operator()(const DropRecord& action) const { effects_.store.drop_record(action.uuid); }
  void operator()(const AddDefinition& action) const { effects_.store.add(action.definition, action.text); }
  void operator()(const ReplaceDefinition& action) const {
    effects_.store.replace(action.before, action.after);
  }
  void operator()(const ReserveFunction& action) const {
    try {
      // Another process may have reserved it since the start was planned.
      const Definition& after = action.after;
      const Definitions defined = load_definitions(effects_);
      if (const Definition* owner = reserved_for(defined, after.parent, after.function->str(), after.uuid)) {
        throw Error(ExitCode::conflict,
                    fmt::format("another process has reserved it for {}", identity_of(*owner).quoted()));
      }
      effects_.store.replace(action.before, action.after);
    } catch (const Error& error) {
      warnings_.push_back(
          fmt::format("{}: the definition does not reserve virtual function {}, so the next "
                      "start may use another one: {}",
                      job_.about.quoted(), action.after.function->str(), error.what()));
    }
  }
  void operator()(const RemoveDefinition& action) const { effects_.store.remove(action.definition); }
  void operator()(const WriteConfig& action) const { effects_.store.write_config(action.stored); }
  void operator()(const RemoveConfig& action) const { effects_.store.remove_config(action.stored); }
  void operator()(const AddGroup& action) const { effects_.store.add_group(action.group); }
  void operator()(const ReplaceGroup& action) const {
    effects_.store.replace_group(action.before, action.after);
  }
  void operator()(const LeaveGroup& action) const { effects_.store.leave_group(action.group, action.member); }
  void operator()(const RenameGroup& action) const { effects_.store.rename_group(action.from, action.to); }
  void operator()(const RemoveGroup& action) const { effects_.store.remove_group(action.group.name); }
  void operator()(const BindParent& action) const { effects_.host.bind_parent(action.parent, action.driver); }
  void operator()(const ChangeFunctions& action) const { change_functions(effects_.host, action); }
  void operator()(const RunCommand& action) const { run_command(effects_.host, action); }
  void operator()(const KeepPreparation& action) const { effects_.store.keep_preparation(action.done); }
  void operator()(const WriteParentSettings& action) const {
    effects_.store.write_parent_settings(action.before, action.after);
  }
  void operator()(const RemoveParentSettings& action) const {
    effects_.store.remove_parent_settings(action.settings.parent);
  }

 private:
  // Requests the removal again as long as the driver refuses it and the deadline has not passed.
  Removal remove(const RemoveDevice& action) const {
    using Clock = std::chrono::steady_clock;
    for (bool waits = false;; waits = true) {
      try {
        return effects_.host.remove(action.device, action.patience);
      } catch (const Error& error) {
        if (error.code() != ExitCode::in_use) {
          throw;
        }
        if (!action.deadline || Clock::now() >= *action.deadline) {
          throw still_refused(action, error);
        }
      }
      if (!waits) {
        waiting_({}, std::chrono::ceil<std::chrono::seconds>(*action.deadline - Clock::now()));
      }
      if (sys::interrupted()) {
        throw Error(ExitCode::failed, "interrupted; the device remains active");
      }
      std::this_thread::sleep_for(holder_poll);
    }
  }

  // Returns the error for a removal that the driver refused, or still refuses at the deadline.
  Error still_refused(const RemoveDevice& action, const Error& refusal) const {
    Device device = action.device;
    effects_.host.find_users_of(device);
    if (!device.holders.empty()) {
      return refusal.reworded(fmt::format("{}: {}", refusal.what(), describe(device.holders)))
          .held_by(device.holders);
    }
    const std::string text =
        fmt::format("{}{}, but no process that uses it was found",
                    action.deadline ? "at the end of the waiting time, " : "", refusal.what());
    const bool may_wait = !action.deadline && !action.advice.empty();
    return may_wait ? refusal.reworded(text).with_hint(action.advice) : refusal.reworded(text);
  }

  // Explains why the kernel knows the UUID of a device that was not active in the snapshot: another process
  // has created it, or its removal is pending. Waits for the device and throws AlreadySo if it is the wanted
  // one.
  void explain_existing(const Creation& what) const {
    Device device{.uuid = what.uuid, .parent = what.parent, .type = what.type};
    device.name = what.name;
    const std::optional<Device> now = effects_.host.observe_device(device);
    if (!now && what.name.empty()) {
      throw Error(ExitCode::in_use, "an earlier device with this UUID is still being removed",
                  "the removal completes when the process that uses the device closes it");
    }
    if (now && now->parent == what.parent && what.name.empty()) {
      device.path = now->path;
      (*this)(AwaitDevice{device, creation_patience});
      throw AlreadySo{job_.about.quoted() + " is already active"};
    }
  }

  const Effects& effects_;
  const Job& job_;
  std::vector<std::string>& warnings_;
  const Waiting& waiting_;
};

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
  return std::holds_alternative<SetOnline>(step.action) || std::holds_alternative<JoinPeers>(step.action);
}

// Calls a function with the index of each job: lanes in parallel, the jobs of a lane in order.
using ForEachJob = std::function<void(const std::function<void(std::size_t)>&)>;

class Run {
 public:
  Run(const Plan& plan, const Effects& effects, Progress& progress)
      : plan_(plan),
        effects_(effects),
        progress_(progress),
        results_(plan.jobs.size()),
        hooks_(plan.jobs.size()),
        done_(plan.jobs.size()) {}

  std::vector<JobResult> run(const ForEachJob& in_lanes) {
    std::set<unsigned> stages;
    for (std::size_t i = 0; i < plan_.jobs.size(); ++i) {
      const Job& job = plan_.jobs[i];
      results_[i].outcome = job.steps.empty() ? Outcome::unchanged : Outcome::done;
      results_[i].notes = job.notes;
      results_[i].warnings = job.warnings;
      prepare_hooks(i);
      for (const Step& step : job.steps) {
        stages.insert(step.stage);
      }
    }
    for (const unsigned stage : stages) {
      in_lanes([&](std::size_t job) { run_stage(job, stage); });
    }
    if (failed_ && all_or_none()) {
      undo_all();
      for (std::size_t i = 0; i < hooks_.size(); ++i) {
        end_hooks(i, HookState::failure);
      }
    }
    return std::move(results_);
  }

 private:
  struct DoneStep {
    std::size_t number;  // position in the order of completion of all steps
    const Step* step;
  };

  bool all_or_none() const { return plan_.bond == Bond::all_or_none; }

  // State of the scripts of a job.
  struct HookedJob {
    ScriptEvent event;
    bool whole = false;  // all steps run in one stage
    bool begun = false;  // pre() succeeded and post() is outstanding
    bool asked = false;
  };

  void prepare_hooks(std::size_t number) {
    const Job& job = plan_.jobs[number];
    if (effects_.hooks != nullptr && job.hooks && !job.steps.empty() && effects_.hooks->any()) {
      hooks_[number] = {.event = event_of(*job.hooks),
                        .whole = std::none_of(job.steps.begin(), job.steps.end(), concerns_others)};
    }
  }

  void begin_hooks(std::size_t number) {
    std::optional<HookedJob>& hooked = hooks_[number];
    if (!hooked || hooked->asked) {
      return;
    }
    hooked->asked = true;
    effects_.hooks->pre(hooked->event);
    hooked->begun = true;
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
    return whole ? plan_.jobs[number].steps.front().stage : step.stage;
  }

  bool is_stopped(std::size_t number) const {
    return results_[number].outcome != Outcome::done || (failed_ && all_or_none());
  }

  void inherit_failure(std::size_t number) {
    const std::optional<std::size_t>& after = plan_.jobs[number].after;
    if (after && results_[*after].outcome == Outcome::failed && results_[number].outcome == Outcome::done) {
      results_[number].outcome = Outcome::failed;
      results_[number].error = results_[*after].error;
      results_[number].cause = results_[*after].cause;
    }
  }

  void run_stage(std::size_t number, unsigned stage) {
    const Job& job = plan_.jobs[number];
    inherit_failure(number);
    const Step* last = nullptr;
    for (const Step& step : job.steps) {
      if (stage_of(number, step) == stage && !is_stopped(number)) {
        run_step(number, step);
        last = &step;
      }
    }
    if (last == nullptr) {
      return;
    }
    const Outcome outcome = results_[number].outcome;
    const bool ends = last == &job.steps.back() && outcome == Outcome::done;
    if (ends || outcome == Outcome::unchanged || outcome == Outcome::pending) {
      end_hooks(number, HookState::success);
    }
  }

  // Re-checks the preconditions of the plan under the lock, for changes that other processes made to other
  // files.
  void require_still_so(const Action& action) const {
    if (const auto* add = std::get_if<AddDefinition>(&action)) {
      effects_.store.require_free(add->definition);
    } else if (const auto* replace = std::get_if<ReplaceDefinition>(&action)) {
      if (replace->before.name != replace->after.name) {  // hand-edited files may share a name
        effects_.store.require_free(replace->after);
      }
    } else if (const auto* remove = std::get_if<RemoveDefinition>(&action)) {
      effects_.store.require_no_member(remove->definition);
    }
  }

  void perform(std::size_t number, const Action& action) {
    // The lanes of this process take turns before they ask for the lock: time that one waits for the others
    // must not count as time in which another process holds the lock.
    std::unique_lock<std::mutex> turn(definitions_, std::defer_lock);
    std::optional<sys::FileLock> lock;
    if (!effects_.holds_definitions && changes_definitions(action)) {
      turn.lock();
      lock = effects_.store.lock();
      require_still_so(action);
    }
    const Job& job = plan_.jobs[number];
    const Waiting waiting = [&](const std::vector<Holder>& holders, milliseconds patience) {
      const std::lock_guard serialized(mutex_);
      progress_.waiting(job, holders, patience);
    };
    std::visit(Performer(effects_, job, results_[number].warnings, waiting), action);
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
    } catch (const AlreadySo& so) {
      result.outcome = Outcome::unchanged;
      result.notes = {so.note};
    } catch (const RemovalPending& pending) {
      result.outcome = Outcome::pending;
      result.holders = pending.holders;
      result.warnings.push_back(
          fmt::format("removal of {} is pending: still in use by {}; it completes when the device is closed",
                      job.about.quoted(), describe(pending.holders)));
    } catch (const Error& error) {
      result.failed_action = step.action;
      fail(number, error);
    } catch (const std::exception& error) {  // such as std::bad_alloc: roll back as for any failure
      fail(number, Error(ExitCode::failed, error.what()));
    }
    result.ended = sys::since_boot();
  }

  void fail(std::size_t number, const Error& error) {
    failed_ = true;
    results_[number].outcome = Outcome::failed;
    results_[number].cause = error;
    results_[number].notes.clear();
    results_[number].error =
        error.reworded(fmt::format("cannot {}: {}", plan_.jobs[number].goal_of_command(), error.what()));
    if (!all_or_none()) {
      std::vector<std::string> left;
      bool any = false;
      const std::vector<DoneStep>& done = done_[number];
      for (auto last = done.rbegin(); last != done.rend(); ++last) {
        any |= undo(number, *last->step, left);
      }
      add_ending(number, left, any ? "; all changes were rolled back" : "");
      if (plan_.jobs[number].after) {
        const Error& why = *results_[number].error;
        results_[number].error =
            why.reworded(fmt::format("{}; the device is stopped now", why.what()))
                .with_hint("to start it: mdevadm start " + plan_.jobs[number].about.word());
      }
      end_hooks(number, HookState::failure);
    }
  }

  // Rolls back all jobs, one step at a time in reverse order of completion: every intermediate state has
  // existed before.
  void undo_all() {
    std::map<std::size_t, std::pair<std::size_t, const Step*>, std::greater<>> steps;
    for (std::size_t job = 0; job < done_.size(); ++job) {
      for (const DoneStep& done : done_[job]) {
        steps.emplace(done.number, std::pair(job, done.step));
      }
    }
    std::vector<std::string> left;
    for (const auto& [number, step] : steps) {
      if (results_[step.first].outcome != Outcome::unchanged) {
        undo(step.first, *step.second, left);
      }
    }
    for (std::size_t i = 0; i < results_.size(); ++i) {
      results_[i].outcome = results_[i].outcome == Outcome::done ? Outcome::undone : results_[i].outcome;
      add_ending(i, left, "; all changes to the group were rolled back");
    }
  }

  // Returns true if the step was rolled back. A failure is reported, and the remaining steps are still rolled
  // back.
  bool undo(std::size_t number, const Step& step, std::vector<std::string>& left) {
    if (!step.undo) {
      return false;
    }
    try {
      perform(number, *step.undo);
      const std::lock_guard lock(mutex_);
      progress_.undone(plan_.jobs[number], *step.undo);
      return true;
    } catch (const std::exception& error) {
      const auto* known = dynamic_cast<const Error*>(&error);
      results_[number].undo_error = known != nullptr ? *known : Error(ExitCode::failed, error.what());
      left.push_back(fmt::format("{} ({})", describe(*step.undo), error.what()));
      return false;
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
  std::mutex mutex_;
  std::mutex definitions_;
  std::vector<std::vector<DoneStep>> done_;  // by job
  std::size_t steps_done_ = 0;
  std::atomic<bool> failed_ = false;
};

}  // namespace

std::vector<JobResult> carry_out(const Plan& plan, const Effects& effects, Progress& progress) {
  std::map<std::string, std::vector<std::size_t>> lanes;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    lanes[plan.jobs[i].lane].push_back(i);
  }
  if (plan.backwards) {
    for (auto& [parent, lane] : lanes) {
      std::reverse(lane.begin(), lane.end());
    }
  }
  const ForEachJob in_lanes = [&](const std::function<void(std::size_t)>& run) {
    const auto run_lane = [&](const std::vector<std::size_t>& lane) {
      std::for_each(lane.begin(), lane.end(), run);
    };
    if (lanes.size() == 1) {
      return run_lane(lanes.begin()->second);
    }
    std::vector<std::jthread> threads;
    threads.reserve(lanes.size());
    for (const auto& [parent, lane] : lanes) {
      threads.emplace_back(run_lane, std::cref(lane));
    }
  };
  return Run(plan, effects, progress).run(in_lanes);
}

}  // namespace mdevadm
