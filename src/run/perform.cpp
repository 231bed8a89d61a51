#include "perform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <mdevadm/model/drift.hpp>
#include <mdevadm/plan/active.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/run/interrupted.hpp>
#include <mdevadm/run/machine.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/util/text.hpp>

#include "parent_steps.hpp"
#include "place_of_job.hpp"
#include "place_steps.hpp"
#include "probe.hpp"

namespace mdevadm {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds holder_poll{100};

std::string interrupted_wait(const Device& device) {
  return device.removing ? "interrupted; " + describe_removal(device)
                         : "interrupted; the device remains active and in use by " + describe(device.holders);
}

// Returns whether a driver shows the value that was written; vfio-ap completes masks to 64 digits.
bool means_same(const Attribute& written, const std::string& shown) {
  if (written.name.str() == "ap_config") {
    return read_ap_config(shown) == assigned_by({written});
  }
  return shown == trim(written.value);
}

// Announces an operation that blocks, unless it ends before the delay.
class LateNotice {
 public:
  static constexpr milliseconds delay{1000};

  explicit LateNotice(std::function<void()> announce) {
    try {
      timer_ = std::jthread([announce = std::move(announce)](const std::stop_token& stop) {
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any ends;
        if (!ends.wait_for(lock, stop, delay, [&] { return stop.stop_requested(); })) {
          announce();
        }
      });
    } catch (const std::exception&) {  // the limit of processes (RLIMIT_NPROC, pids.max), or lack of memory
    }
  }

 private:
  std::jthread timer_;
};

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
          explain_existing(action);
        } catch (const Error& reason) {
          throw reason.caused_by(error.number());
        }
      }
      if (error.code() == ExitCode::no_capacity) {
        require_free_function(action);
        throw explained(error, action.what);
      }
      require_function(error, action);
      throw;
    }
    effects_.store.remove_claim(action.what.uuid);
  }

  // Throws FunctionRefused if the driver has no instance because another device is on the virtual function.
  void require_free_function(const CreateDevice& action) const {
    const Creation& what = action.what;
    const Snapshot now = what.vf.empty() ? Snapshot{} : observe_parent_of(what);
    const Device* user = device_on(now, what.vf);
    if (user != nullptr && !what.vf.empty()) {
      const Error taken(ExitCode::conflict,
                        fmt::format("virtual function {} was taken by another process (device '{}')", what.vf,
                                    user->uuid.str()));
      throw FunctionRefused(taken_function(taken, action), FunctionRefused::Why::taken);
    }
  }

  // Throws Error that explains why a virtual function takes no vGPU: its GPU has no room, or it is this
  // function that refuses it. Returns if neither is known.
  void require_function(const Error& error, const CreateDevice& action) const {
    const Creation& what = action.what;
    if (what.vf.empty()) {
      return;
    }
    if (error.code() == ExitCode::conflict && error.number() == 0 && what.name == what.vf) {
      throw FunctionRefused(taken_function(error, action), FunctionRefused::Why::taken);
    }
    if ((error.number() != EIO && error.number() != EPERM) || what.hidden) {
      return;
    }
    const Snapshot now = observe_parent_of(what);
    if (const auto cause = why_refused(now, what)) {
      throw cause->caused_by(error.number()).worth(error.retry());
    }
    if (const auto refused = refused_function(now, load_definitions(effects_), action, error)) {
      throw FunctionRefused(*refused, FunctionRefused::Why::refused);
    }
  }

  Snapshot observe_parent_of(const Creation& what) const {
    return observe_host(effects_,
                        {.facets = Facet::devices | Facet::types | Facet::available | Facet::type_name,
                         .details_of = std::vector{what.parent},
                         .devices = {},
                         .other_parents = false});
  }

  // Says why the driver has no instance, as the parent shows it now: devices of the same command, or of
  // another process, were created since the plan was made.
  Error explained(const Error& error, const Creation& what) const {
    Snapshot now = observe_parent_of(what);
    if (const auto cause = why_refused(now, what)) {
      return cause->caused_by(error.number());
    }
    // Devices of the same command may be rolled back, so hints name none (see why_refused()).
    now.devices.clear();
    const auto command = [](const std::string& hint) { return hint.substr(hint.find(": ") + 1); };
    const std::vector<std::string> known = error.hints();
    Error result = error;
    for (const std::string& hint : hints_without_capacity(now, what.parent)) {
      const bool is_known = std::any_of(known.begin(), known.end(), [&](const std::string& other) {
        return command(other) == command(hint);
      });
      result = is_known ? result : result.with_hint(hint);
    }
    return result;
  }

  void operator()(const RemoveDevice& action) const {
    if (action.forced && action.device.busy) {
      waiting_({action.device.holders, action.patience});
    }
    if (remove(action) == Removal::done) {
      return;
    }
    Device device = action.device;
    effects_.host.find_users_of(device);
    if (action.forced) {
      throw RemovalPending{device.holders};
    }
    throw Error(ExitCode::in_use, "the removal is pending" + describe_pending(device.holders),
                device.holders.empty()
                    ? "until the kernel has removed the device, its UUID and its instance remain in use"
                    : "the removal completes when the device is closed; until then the UUID and the "
                      "instance remain in use")
        .held_by(device.holders);
  }

  void operator()(const Aggregate& action) const { effects_.host.aggregate(action.device, action.units); }

  void operator()(const AvoidPlacements& action) const {
    warn(avoid_placements(effects_.host, action, job_.about));
  }

  void operator()(const WriteAttribute& action) const {
    const auto reads = effects_.host.write_attribute(action.device, action.attribute, action.bare);
    if (reads && !means_same(action.attribute, *reads)) {
      warnings_.push_back(fmt::format("{}: attribute '{}' was set to '{}' but reads back '{}'",
                                      job_.about.quoted(), action.attribute.name.str(),
                                      printable(action.attribute.value), printable(*reads)));
    }
  }

  void operator()(const WriteTypeAttribute& a) const {
    effects_.host.write_type_attribute(a.parent, a.type, a.attribute);
  }

  void operator()(const AssignQueues& a) const { effects_.host.assign_queues(a.device, a.attributes); }
  void operator()(const CheckQueues& a) const { effects_.host.check_queues(a.device, a.expected); }
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
      waiting_({device.holders, action.patience, device.removing && device.holders.empty()});
    }
    while (waits && std::chrono::steady_clock::now() < deadline) {
      if (sys::interrupted()) {
        throw Error(ExitCode::failed, interrupted_wait(device)).held_by(device.holders);
      }
      std::this_thread::sleep_for(holder_poll);
      waits = is_in_the_way();
    }
    if (waits && !action.forced) {
      const Error error =
          device.removing
              ? Error(ExitCode::in_use, describe_removal(device))
              : Error(ExitCode::in_use, "still in use by " + describe(device.holders), action.advice);
      throw error.held_by(device.holders);
    }
  }

  void operator()(const OwnNode& a) const { effects_.host.own_node(a.device, a.policy, a.node); }

  void operator()(const CheckMigration& action) const {
    if (effects_.host.takes_migration_version(action.parent, action.type, action.version) == false) {
      throw Error(ExitCode::abi_differs,
                  fmt::format("the driver does not accept the migration version '{}' of the definition",
                              printable(action.version)),
                  "accept the new ABI with --accept-abi");
    }
  }

  void operator()(const KeepRecord& action) const {
    Record record = action.record;
    if (!record.name.empty()) {
      record.inode = effects_.host.inode_of_function(record.name);
    }
    effects_.store.keep_record(record);
  }
  void operator()(const DropRecord& action) const { effects_.store.drop_record(action.uuid); }
  void operator()(const KeepClaim& action) const { effects_.store.keep_claim(action.claim); }
  void operator()(const DropClaim& action) const { effects_.store.drop_claim(action.claim); }
  void operator()(const AddDefinition& action) const { effects_.store.add(action.definition, action.text); }
  void operator()(const ReplaceDefinition& action) const {
    effects_.store.replace(action.before, action.after);
  }
  void operator()(const ReserveFunction& action) const {
    warn(reserve_function(effects_, action, job_.about));
  }
  void operator()(const RemoveDefinition& action) const { effects_.store.remove(action.definition); }
  void operator()(const WriteConfig& action) const { effects_.store.write_config(action.stored); }
  void operator()(const RemoveConfig& action) const { effects_.store.remove_config(action.stored); }
  void operator()(const AddGroup& action) const { effects_.store.add_group(action.group); }
  void operator()(const ReplaceGroup& action) const {
    effects_.store.replace_group(action.before, action.after);
  }
  void operator()(const LeaveGroup& action) const { effects_.store.leave_group(action.group, action.member); }
  void operator()(const RenameGroup& action) const { effects_.store.rename_group(action.group, action.to); }
  void operator()(const RemoveGroup& action) const { effects_.store.remove_group(action.group); }
  void operator()(const BindParent& action) const {
    prepare_step(effects_, action.parent, [&] { effects_.host.bind_parent(action.parent, action.driver); });
  }
  void operator()(const ChangeFunctions& action) const {
    prepare_step(effects_, action.parent, [&] { change_functions(effects_.host, action); });
  }
  void operator()(const RunCommand& action) const {
    prepare_step(effects_, action.parent, [&] { run_command(effects_.host, action); });
  }
  void operator()(const KeepPreparation& action) const {
    prepare_step(effects_, action.done.parent, [&] { keep_preparation(effects_, action); });
  }
  void operator()(const NoteRemainder& action) const { note_remainder(effects_, action); }
  void operator()(const WriteParentSettings& action) const { write_settings(effects_, action); }
  void operator()(const RemoveParentSettings& action) const { remove_settings(effects_, action); }
  void operator()(const AttachDevice& action) const { effects_.machine->attach(action.what); }
  void operator()(const DetachDevice& action) const {
    effects_.machine->detach(action.what, action.patience);
  }

 private:
  void warn(std::optional<std::string> warning) const {
    if (warning) {
      warnings_.push_back(*std::move(warning));
    }
  }

  // Requests the removal again as long as the driver refuses it and the deadline has not passed.
  Removal remove(const RemoveDevice& action) const {
    using Steady = std::chrono::steady_clock;
    for (bool waits = false;; waits = true) {
      try {
        const bool is_announced = waits || (action.forced && action.device.busy);
        const LateNotice notice([&] {
          if (!is_announced) {
            waiting_({{}, action.patience - LateNotice::delay, true});
          }
        });
        return effects_.host.remove(action.device, action.patience);
      } catch (const Error& error) {
        const bool is_late = !action.deadline || Steady::now() >= *action.deadline;
        if (error.code() != ExitCode::in_use && (!action.insists || is_late)) {
          throw;
        }
        if (is_late) {
          throw still_refused(action, error);
        }
      }
      if (!waits) {
        waiting_({{}, std::chrono::ceil<std::chrono::seconds>(*action.deadline - Steady::now())});
      }
      if (sys::interrupted() && !action.insists) {
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
  // has created it, or its removal is pending. Waits for the device and throws GoalReached if it is the
  // wanted one.
  void explain_existing(const CreateDevice& action) const {
    const Creation& what = action.what;
    Device device{.uuid = what.uuid, .parent = what.parent, .type = what.type};
    device.name = what.name;
    const std::optional<Device> now = effects_.host.observe_device(device);
    if (!now && what.name.empty()) {
      throw Error(ExitCode::in_use, "an earlier device with this UUID is still being removed",
                  "start the device again when the kernel has removed the earlier one");
    }
    if (now && now->parent == what.parent && what.name.empty()) {
      device.path = now->path;
      (*this)(AwaitDevice{device, creation_patience});
      require_no_further_goal();
      throw GoalReached{note_of_rival(action)};
    }
  }

  // Throws Error if the job is to do more with the device than to start it.
  void require_no_further_goal() const {
    const bool has_goal = std::any_of(job_.steps.begin(), job_.steps.end(), [](const Step& step) {
      return std::holds_alternative<JoinPeers>(step.action) ||
             std::holds_alternative<SetOnline>(step.action) ||
             std::holds_alternative<AttachDevice>(step.action);
    });
    if (has_goal) {
      throw Error(ExitCode::conflict, "another process has created the device", "run the command again");
    }
  }

  // Compares the device that another process has created with the one that was to be created.
  std::string note_of_rival(const CreateDevice& action) const {
    const Definition* wanted = action.requested ? &*action.requested
                               : action.defined ? &*action.defined
                                                : nullptr;
    if (wanted == nullptr) {
      return note_of_active({.uuid = action.what.uuid, .parent = action.what.parent}, nullptr, {},
                            job_.about);
    }
    Snapshot now = observe_host(effects_, {.facets = Facet::devices | facets_to_compare(*wanted, action.node),
                                           .details_of = std::vector{wanted->parent},
                                           .devices = std::vector{wanted->uuid},
                                           .other_parents = false});
    observe_settings_of(effects_, now, {{wanted, action.node}});
    const Device* active = now.find_device(wanted->uuid);
    if (active == nullptr || active->parent != wanted->parent) {
      throw Error(ExitCode::conflict, "another process has created the device and removed it again",
                  "run the command again");
    }
    if (action.requested) {
      require_as_requested(*active, *action.requested, job_.about);
    }
    return note_of_active(*active, action.defined ? &*action.defined : nullptr, action.node, job_.about);
  }

  const Effects& effects_;
  const Job& job_;
  std::vector<std::string>& warnings_;
  const Waiting& waiting_;
};

}  // namespace

std::string describe_pending(const std::vector<Holder>& holders) {
  return holders.empty() ? "; no process that uses the device was found"
                         : ": still in use by " + describe(holders);
}

void perform_action(const Action& action, const Effects& effects, const Job& job,
                    std::vector<std::string>& warnings, const Waiting& waiting) {
  std::visit(Performer(effects, job, warnings, waiting), action);
}

}  // namespace mdevadm
