// The command detach: devices are taken from a running virtual machine and stopped.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/guest.hpp>
#include <mdevadm/render/guest.hpp>
#include <mdevadm/run/machine.hpp>
#include <mdevadm/util/text.hpp>
#include <optional>
#include <utility>

#include "../batch.hpp"
#include "../guests.hpp"
#include "../machine_command.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class DetachCommand final : public MachineCommand {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_common(app, kinds);
    app.add_flag("--no-stop", no_stop_, "do not stop the devices");
    change_.declare(app);
  }

  ExitCode run(Context& context) override {
    require_arguments();
    const Groups groups = context.groups_if_readable();
    const Definitions defined = context.definitions_if_readable();
    const Group* group = group_in(groups, defined, "detach");
    Batch batch = batch_for(group, "detach");
    Identity identity = about(group);
    Targets targets;
    try {
      targets = find_targets(context, group, defined);
    } catch (const Error& error) {
      batch.refuse(identity, error);
      return batch.finish(context);
    }
    const std::optional<Running> running = connect_or_ended(context);
    std::vector<sys::FileLock> locks;
    try {
      if (group == nullptr && targets.devices.all.size() == 1) {
        identity = identity_of_guest(targets.devices.all.front());
      }
      if (running && !targets.any_active) {
        refuse_all(batch, group, targets.devices.all);
        return batch.finish(context);
      }
      const bool is_detached = !running || detach(context, batch, *running, {group, targets, identity});
      if (is_detached && !no_stop_) {
        locks = stop(context, batch, group, targets);
      }
    } catch (const Error& error) {
      batch.refuse(identity, error);
    }
    return batch.finish(context);
  }

 private:
  struct Targets : GuestTargets {
    bool any_active = true;
  };

  struct Running {
    std::unique_ptr<Machine> machine;
    std::vector<AttachedDevice> devices;
  };

  struct Detached {
    const Group* group;
    const Targets& targets;
    const Identity& identity;  // of the group, or of the devices if there is one result for all
  };

  Identity identity_of_guest(const GuestDevice& device) const {
    const auto word = arguments_.find(device.uuid);
    return {device.uuid, device.name, word != arguments_.end() ? word->second : "", device.parent.str(),
            device.type ? device.type->str() : ""};
  }

  // Returns the devices without those that are not active, unless none is: an earlier run may have stopped
  // some of them.
  Targets find_targets(Context& context, const Group* group, const Definitions& defined) {
    const Snapshot seen = context.observe({Facet::devices, std::nullopt, std::nullopt});
    std::vector<std::string> active;
    std::vector<std::string> skipped;
    bool any_removing = false;
    Targets inactive{{.seen = seen, .defined = defined, .devices = {}}, false};
    if (group != nullptr) {
      const std::string doing = fmt::format("cannot detach group '{}'", group->name.str());
      for (const Definition* member : members_of(*group, defined, doing)) {
        const Device* device = seen.find_device(member->uuid);
        if (device != nullptr && device->parent == member->parent) {
          active.push_back(member->uuid.str());
        } else {
          any_removing = any_removing || seen.find_removing(member->uuid) != nullptr;
          skipped.push_back(mdevadm::identity_of(*member).quoted());
          inactive.devices.all.push_back(inactive_device(*member));
        }
      }
    } else {
      for (const std::string& word : words_) {
        const std::string doing = fmt::format("cannot detach '{}'", printable(word));
        const Found found = resolve_no_group(word, seen, defined, doing);
        if (!arguments_.try_emplace(found.uuid, word).second) {
          continue;
        }
        if (found.active != nullptr) {
          active.push_back(word);
        } else if (found.removing != nullptr) {
          any_removing = true;
          skipped.push_back(Identity{.uuid = found.uuid, .argument = word}.quoted());
        } else {
          skipped.push_back(Identity{.uuid = found.uuid, .argument = word}.quoted());
          inactive.devices.all.push_back(inactive_device(require_definition(found, doing)));
        }
      }
    }
    if (active.empty() && !any_removing) {
      return inactive;
    }
    if (active.empty() || skipped.empty()) {
      return {guest_targets(context, words_, "detach"), true};  // refuses a device whose removal is pending
    }
    for (const std::string& device : skipped) {
      context.messages().note(device + " is not active");
    }
    return {guest_targets(context, active, "detach"), true};
  }

  // No virtual machine has the device, so it does not matter where the next one finds it.
  static GuestDevice inactive_device(const Definition& definition) {
    return {.uuid = definition.uuid,
            .name = definition.name ? definition.name->str() : "",
            .parent = definition.parent,
            .type = definition.type};
  }

  void refuse_all(Batch& batch, const Group* group, const std::vector<GuestDevice>& devices) const {
    if (group != nullptr) {
      throw no_member_attached(*group);
    }
    for (const GuestDevice& device : devices) {
      const Identity identity = identity_of_guest(device);
      batch.refuse(identity, not_attached(identity, machine_name()));
    }
  }

  Error no_member_attached(const Group& group) const {
    return {ExitCode::conflict,
            fmt::format("cannot detach group '{}': no member is attached to {}", group.name.str(),
                        machine_name()),
            not_attached(identity_of(group), machine_name()).hints()};
  }

  // Returns nullopt if the virtual machine has ended.
  std::optional<Running> connect_or_ended(const Context& context) const {
    try {
      std::unique_ptr<Machine> machine = connect(context);
      std::vector<AttachedDevice> devices = machine->devices();
      return Running{std::move(machine), std::move(devices)};
    } catch (const MachineEnded&) {
      context.messages().note(
          socket_.empty()
              ? fmt::format("{} is not running, so its devices are detached", machine_name())
              : fmt::format("no program listens at '{}': QEMU has ended, and its devices are detached",
                            printable(socket_)));
      return std::nullopt;
    } catch (const Error& error) {
      if (!socket_.empty() && error.code() == ExitCode::not_found) {
        throw error.with_hint(
            "if QEMU has ended, its devices are detached; to stop them: mdevadm stop DEVICE");
      }
      throw;
    }
  }

  // Plans to detach the devices, and does so unless the jobs are those of the batch. Returns false if the
  // batch has the results.
  bool detach(Context& context, Batch& batch, const Running& running, const Detached& what) const {
    std::vector<Attachment> wanted;
    const std::vector<GuestDevice>& devices = what.targets.devices.all;
    const std::vector<std::string> ids = qemu_ids(devices);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::string doing = "cannot detach " + identity_of_guest(devices[i]).quoted();
      wanted.push_back({devices[i], ids[i], qemu_properties(devices[i], ids[i], {}, doing),
                        render::libvirt_hostdevs({.all = {devices[i]}}, {})});
    }
    batch.use(*running.machine);
    Plan plan = plan_detach(wanted, running.devices, patience(), machine_name());
    for (Job& job : plan.jobs) {
      if (job.about.uuid && what.group == nullptr) {
        const auto word = arguments_.find(*job.about.uuid);
        job.about.argument = word != arguments_.end() ? word->second : "";
      }
    }
    const bool any =
        std::any_of(plan.jobs.begin(), plan.jobs.end(), [](const Job& job) { return !job.steps.empty(); });
    if (!any) {
      refuse_all(batch, what.group, devices);
      return false;
    }
    if (!no_stop_) {
      require_unused(context, plan);
    }
    if (change_.dry_run && !no_stop_) {
      batch.carry_out_first(context, plan.jobs);
      return true;
    }
    if (no_stop_) {
      batch.take(what.identity, [&] { return plan; });
      return true;
    }
    // The processes that use the devices are observed again before these are stopped.
    VerboseProgress progress(context);
    Effects effects{context.host(), context.store()};
    effects.machine = running.machine.get();
    std::vector<JobResult> results = carry_out(plan, effects, progress);
    if (std::any_of(results.begin(), results.end(), [](const JobResult& one) { return one.error; })) {
      batch.take_results(std::move(plan), std::move(results));
      return false;
    }
    for (const JobResult& result : results) {
      for (const std::string& note : result.notes) {
        context.messages().note(note);
      }
    }
    return true;
  }

  // Throws Error if a device that is not attached is in use: it cannot be stopped, so the others stay as they
  // are.
  void require_unused(Context& context, const Plan& plan) const {
    std::vector<Uuid> uuids;
    std::vector<ParentName> parents;
    for (const Job& job : plan.jobs) {
      if (job.steps.empty()) {
        uuids.push_back(*job.about.uuid);
        parents.push_back(*ParentName::parse(job.about.parent));
      }
    }
    const Snapshot seen = uuids.empty() ? Snapshot{} : context.observe_users(uuids, parents);
    for (const Job& job : plan.jobs) {
      const Device* device = job.steps.empty() ? seen.find_device(*job.about.uuid) : nullptr;
      if (device != nullptr && device->busy) {
        const Error error = not_attached(job.about, machine_name());
        throw Error(ExitCode::in_use,
                    fmt::format("{}, but in use by {}", error.what(), describe(device->holders)),
                    error.hints())
            .held_by(device->holders);
      }
    }
  }

  // A device of a pool stays active for its next user.
  static Job leave_claimed(const Claim& claim, const Identity& about) {
    Job job{"stop " + about.quoted(), about};
    job.notes.push_back(
        fmt::format("{} is detached and stays active: it is {}; to return it: mdevadm release {}",
                    about.quoted(), claim.str(), shell_word(about.word())));
    return job;
  }

  // Another process may have created the device again before the parents were locked.
  void require_same_parent(const Snapshot& seen, const GuestDevice& device) const {
    const Device* now = seen.find_device(device.uuid);
    if (now != nullptr && now->parent != device.parent) {
      const Identity about = identity_of_guest(device);
      throw Error(ExitCode::conflict,
                  fmt::format("cannot stop {}: another process has created it again on {}", about.quoted(),
                              now->parent.str()),
                  "if that device is not needed, stop it: mdevadm stop " + device.uuid.str());
    }
  }

  // Adds the stops of the devices. Returns the locks under which they are carried out.
  std::vector<sys::FileLock> stop(Context& context, Batch& batch, const Group* group,
                                  const GuestTargets& targets) const {
    std::vector<Uuid> uuids;
    std::vector<ParentName> parents;
    for (const GuestDevice& device : targets.devices.all) {
      uuids.push_back(device.uuid);
      parents.push_back(device.parent);
    }
    std::vector<sys::FileLock> locks = batch.lock_parents(context, parents);
    const Snapshot seen = context.observe_users(uuids, parents);
    // Drivers refuse removals for seconds after a virtual machine has released a device.
    const auto deadline = deadline_after(patience());
    // Claimed devices stay active, so the others are stopped one by one.
    const bool has_claims = std::any_of(uuids.begin(), uuids.end(),
                                        [&](const Uuid& uuid) { return seen.claims.find(uuid) != nullptr; });
    if (group != nullptr && !has_claims && !change_.dry_run) {
      batch.take(about(group), [&] {
        for (const GuestDevice& device : targets.devices.all) {
          require_same_parent(seen, device);
        }
        return plan_group_stop(seen, *group, targets.defined,
                               {.deadline = deadline, .part_of = StopRequest::Part::detach});
      });
      return locks;
    }
    for (const GuestDevice& device : targets.devices.all) {
      const Identity identity = identity_of_guest(device);
      batch.add(identity, [&] {
        require_same_parent(seen, device);
        if (const Claim* claim = seen.claims.find(device.uuid)) {
          return leave_claimed(*claim, identity);
        }
        StopRequest request{identity};
        request.deadline = deadline;
        request.part_of = StopRequest::Part::detach;
        // The virtual machine uses the device until it is detached.
        request.wait_for_holders = change_.dry_run ? patience() : std::chrono::milliseconds(0);
        return plan_stop(seen, request, device.parent, uuids);
      });
    }
    batch.backwards();
    return locks;
  }

  bool no_stop_ = false;
  std::map<Uuid, std::string> arguments_{};  // the words that name devices
};

}  // namespace

std::unique_ptr<Command> make_detach() {
  return std::make_unique<DetachCommand>();
}

}  // namespace mdevadm::cli
