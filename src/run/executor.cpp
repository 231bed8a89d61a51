#include <mdevadm/run/executor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <ranges>
#include <set>
#include <thread>

#include <mdevadm/plan/devices.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds holder_poll{100};

// Ends a job early because what it wanted is so already, by somebody else's doing.
struct AlreadySo {
  std::string note;
};

void throw_if_interrupted() {
  if (sys::interrupted()) {
    throw Error(ExitCode::failed, "interrupted");
  }
}

class Performer {
 public:
  Performer(const Effects& effects, std::vector<std::string>& warnings)
      : effects_(effects), warnings_(warnings) {}

  void operator()(const CreateDevice& action) const {
    try {
      effects_.host.create(action.parent, action.type, action.uuid);
    } catch (const Error& error) {
      if (error.code() == ExitCode::conflict) {
        explain_existing(action);
      }
      throw;
    }
  }

  void operator()(const RemoveDevice& action) const {
    if (effects_.host.remove(action.device, action.patience) == Removal::done) {
      return;
    }
    Device device = action.device;
    effects_.host.look_who_holds(device);
    throw Error(
        ExitCode::in_use,
        fmt::format("the removal is pending: the kernel waits for {} to close the device",
                    device.holders.empty() ? "whoever uses it" : describe(device.holders)),
        "it ends by itself when the device is closed; until then its UUID and its instance stay taken");
  }

  void operator()(const WriteAttribute& action) const {
    effects_.host.write_attribute(action.uuid, action.attribute);
  }

  void operator()(const AwaitDevice& action) const {
    if (!effects_.host.wait_for_device(action.uuid, action.patience)) {
      warnings_.push_back(fmt::format(
          "'{}' is up, but there is no /dev/vfio here in which its node could show", action.uuid.str()));
    }
    const Snapshot seen = effects_.host.observe({Facet::devices, std::nullopt, std::vector{action.uuid}});
    const Device* device = seen.find_device(action.uuid);
    if (device == nullptr || device->type != action.type) {
      throw Error(ExitCode::conflict,
                  device == nullptr ? "somebody removed it meanwhile" : "somebody made it of another type");
    }
  }

  void operator()(const AwaitRelease& action) const {
    const auto deadline = std::chrono::steady_clock::now() + action.patience;
    Device device = action.device;
    effects_.host.look_who_holds(device);
    while (device.busy && std::chrono::steady_clock::now() < deadline) {
      throw_if_interrupted();
      std::this_thread::sleep_for(holder_poll);
      effects_.host.look_who_holds(device);
    }
    if (device.busy && !action.forced) {
      throw Error(ExitCode::in_use, fmt::format("it is still in use by {}", describe(device.holders)));
    }
  }

  void operator()(const OwnNode& action) const { effects_.host.own_node(action.uuid, action.policy); }
  void operator()(const AddDefinition& action) const { effects_.store.add(action.definition, action.text); }
  void operator()(const ReplaceDefinition& action) const {
    effects_.store.replace(action.before, action.after);
  }
  void operator()(const RemoveDefinition& action) const { effects_.store.remove(action.definition); }
  void operator()(const AddGroup& action) const { effects_.store.add_group(action.group); }
  void operator()(const ReplaceGroup& action) const {
    effects_.store.replace_group(action.before, action.after);
  }
  void operator()(const LeaveGroup& action) const { effects_.store.leave_group(action.group, action.member); }
  void operator()(const RenameGroup& action) const { effects_.store.rename_group(action.from, action.to); }
  void operator()(const RemoveGroup& action) const { effects_.store.remove_group(action.group.name); }

 private:
  // The kernel knew the UUID though it was not active when we looked: another process was quicker, or a
  // removal is pending.
  void explain_existing(const CreateDevice& action) const {
    const Snapshot seen = effects_.host.observe({Facet::devices, std::nullopt, std::vector{action.uuid}});
    const Device* device = seen.find_device(action.uuid);
    if (device == nullptr) {
      throw Error(ExitCode::in_use, "an earlier device with this UUID is still being removed",
                  "the kernel waits until whoever uses it has closed it");
    }
    if (device->parent == action.parent) {
      (*this)(AwaitDevice{action.uuid, action.type, creation_patience});
      throw AlreadySo{"is active already"};
    }
  }

  const Effects& effects_;
  std::vector<std::string>& warnings_;
};

class JobRun {
 public:
  JobRun(const Job& job, const Effects& effects, Progress& progress, std::mutex& speaking)
      : job_(job), effects_(effects), progress_(progress), speaking_(speaking) {}

  JobResult run() {
    if (job_.steps.empty()) {
      result_.outcome = Outcome::unchanged;
      result_.note = job_.note;
      return std::move(result_);
    }
    std::size_t done = 0;
    try {
      for (; done < job_.steps.size(); ++done) {
        throw_if_interrupted();
        std::visit(Performer(effects_, result_.warnings), job_.steps[done].action);
        const std::lock_guard lock(speaking_);
        progress_.done(job_, job_.steps[done].action);
      }
    } catch (const AlreadySo& so) {
      result_.outcome = Outcome::unchanged;
      result_.note = so.note;
    } catch (const Error& error) {
      fail(error, done);
    } catch (const std::exception& error) {  // out of memory and the like: undo as for any failure
      fail(Error(ExitCode::failed, error.what()), done);
    }
    return std::move(result_);
  }

 private:
  void fail(const Error& error, std::size_t done) {
    std::string message = fmt::format("cannot {}: {}", job_.goal, error.what());
    const std::vector<std::string> left = undo(done);
    if (!left.empty()) {
      message += fmt::format("; could not be undone: {}", join(left, "; "));
    } else if (undone_ > 0) {
      message += "; what was done before is undone";
    }
    result_.outcome = Outcome::failed;
    result_.error = Error(error.code(), message, error.hint());
  }

  // Takes back the first `done` steps, the last one first. What cannot be taken back is told, and the rest
  // still tried.
  std::vector<std::string> undo(std::size_t done) {
    std::vector<std::string> left;
    while (done-- > 0) {
      const std::optional<Action>& undo = job_.steps[done].undo;
      if (!undo) {
        continue;
      }
      try {
        std::visit(Performer(effects_, result_.warnings), *undo);
        ++undone_;
        const std::lock_guard lock(speaking_);
        progress_.undone(job_, *undo);
      } catch (const std::exception& error) {
        left.push_back(fmt::format("{} ({})", describe(*undo), error.what()));
      }
    }
    return left;
  }

  const Job& job_;
  const Effects& effects_;
  Progress& progress_;
  std::mutex& speaking_;
  JobResult result_;
  std::size_t undone_ = 0;
};

// Jobs of which all are done or none.
class TogetherRun {
 public:
  TogetherRun(const Plan& plan, const Effects& effects, Progress& progress)
      : plan_(plan), effects_(effects), progress_(progress), results_(plan.jobs.size()) {}

  std::vector<JobResult> run(const std::function<void(const std::function<void(std::size_t)>&)>& in_lanes) {
    std::set<unsigned> stages;
    for (std::size_t i = 0; i < plan_.jobs.size(); ++i) {
      const Job& job = plan_.jobs[i];
      results_[i].outcome = job.steps.empty() ? Outcome::unchanged : Outcome::done;
      results_[i].note = job.note;
      for (const Step& step : job.steps) {
        stages.insert(step.stage);
      }
    }
    for (const unsigned stage : stages) {
      if (!failed_) {
        in_lanes([&](std::size_t job) { run_stage(job, stage); });
      }
    }
    if (failed_) {
      undo_all();
    }
    return std::move(results_);
  }

 private:
  void run_stage(std::size_t number, unsigned stage) {
    const Job& job = plan_.jobs[number];
    JobResult& result = results_[number];
    for (const Step& step : job.steps) {
      if (step.stage != stage || failed_ || result.outcome == Outcome::unchanged) {
        continue;
      }
      try {
        throw_if_interrupted();
        std::visit(Performer(effects_, result.warnings), step.action);
        const std::lock_guard lock(mutex_);
        done_.push_back({number, &step});
        progress_.done(job, step.action);
      } catch (const AlreadySo& so) {
        result.outcome = Outcome::unchanged;
        result.note = so.note;
      } catch (const Error& error) {
        fail(number, error);
      } catch (const std::exception& error) {
        fail(number, Error(ExitCode::failed, error.what()));
      }
    }
  }

  void fail(std::size_t number, const Error& error) {
    const std::lock_guard lock(mutex_);
    failed_ = true;
    results_[number].outcome = Outcome::failed;
    results_[number].error = Error(
        error.code(), fmt::format("cannot {}: {}", plan_.jobs[number].goal, error.what()), error.hint());
  }

  // In the order in which things were done, backwards, one at a time: that is a state that was there before.
  void undo_all() {
    std::vector<std::string> left;
    for (const DoneStep& entry : std::views::reverse(done_)) {
      JobResult& result = results_[entry.job];
      if (result.outcome == Outcome::unchanged || !entry.step->undo) {
        continue;
      }
      try {
        std::visit(Performer(effects_, result.warnings), *entry.step->undo);
        progress_.undone(plan_.jobs[entry.job], *entry.step->undo);
      } catch (const std::exception& error) {
        left.push_back(fmt::format("{} ({})", describe(*entry.step->undo), error.what()));
      }
    }
    for (JobResult& result : results_) {
      result.outcome = result.outcome == Outcome::done ? Outcome::undone : result.outcome;
      if (result.error) {
        result.error = Error(result.error->code(),
                             fmt::format("{}; {}", result.error->what(),
                                         left.empty() ? "the whole group is as it was before"
                                                      : "could not be undone: " + join(left, "; ")),
                             result.error->hint());
      }
    }
  }

  struct DoneStep {
    std::size_t job;
    const Step* step;
  };

  const Plan& plan_;
  const Effects& effects_;
  Progress& progress_;
  std::vector<JobResult> results_;
  std::mutex mutex_;
  std::vector<DoneStep> done_;
  std::atomic<bool> failed_ = false;
};

}  // namespace

std::vector<JobResult> carry_out(const Plan& plan, const Effects& effects, Progress& progress) {
  std::map<std::string, std::vector<std::size_t>> lanes;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    lanes[plan.jobs[i].lane].push_back(i);
  }
  const auto in_lanes = [&](const std::function<void(std::size_t)>& run) {
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
  if (plan.bond == Bond::all_or_none) {
    return TogetherRun(plan, effects, progress).run(in_lanes);
  }
  std::vector<JobResult> results(plan.jobs.size());
  std::mutex speaking;
  in_lanes([&](std::size_t i) { results[i] = JobRun(plan.jobs[i], effects, progress, speaking).run(); });
  return results;
}

}  // namespace mdevadm
