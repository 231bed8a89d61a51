#include <mdevadm/run/executor.hpp>

#include <fmt/format.h>

#include <map>
#include <mutex>
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

}  // namespace

std::vector<JobResult> carry_out(const Plan& plan, const Effects& effects, Progress& progress) {
  std::vector<JobResult> results(plan.jobs.size());
  std::map<ParentName, std::vector<std::size_t>> lanes;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    lanes[plan.jobs[i].lane].push_back(i);
  }
  std::mutex speaking;
  const auto run_lane = [&](const std::vector<std::size_t>& lane) {
    for (const std::size_t i : lane) {
      results[i] = JobRun(plan.jobs[i], effects, progress, speaking).run();
    }
  };
  if (lanes.size() == 1) {
    run_lane(lanes.begin()->second);
    return results;
  }
  std::vector<std::jthread> threads;
  threads.reserve(lanes.size());
  for (const auto& [parent, lane] : lanes) {
    threads.emplace_back(run_lane, std::cref(lane));
  }
  threads.clear();  // joins
  return results;
}

}  // namespace mdevadm
