// The commands attach and detach: devices of running virtual machines.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/guest.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/render/guest.hpp>
#include <mdevadm/run/machine.hpp>
#include <mdevadm/util/text.hpp>
#include <utility>

#include "../batch.hpp"
#include "../guests.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

using std::chrono::milliseconds;

constexpr const char* usual_uri = "qemu:///system";
constexpr milliseconds usual_patience{30'000};
// For an answer of QEMU or libvirt: a short time limit means the guest.
constexpr milliseconds least_patience{1'000};

class MachineCommand : public Command {
 public:
  bool json() const final { return change_.json; }

 protected:
  void declare_common(CLI::App& app, ValueKinds& kinds) {
    kinds.set(
        app.add_option("device,-u,--uuid", words_, "devices (UUID, unique UUID prefix, or name), or a group"),
        ValueKind::device_or_group);
    auto* socket = kinds.set(app.add_option("--qmp", socket_, "QMP socket of QEMU"), ValueKind::socket);
    auto* domain = kinds.set(app.add_option("--domain", domain_, "domain of libvirt"), ValueKind::domain);
    socket->excludes(domain);
    kinds.set(app.add_option("--connect", uri_, "libvirt's URI (default: qemu:///system)"), ValueKind::uri)
        ->needs(domain);
    kinds.set(app.add_option("--timeout", timeout_, "time to wait for QEMU and the guest (default: 30)"),
              ValueKind::seconds);
  }

  // Throws Error{usage} if no device or no virtual machine is given.
  void require_arguments() const {
    if (words_.empty()) {
      throw Error(ExitCode::usage, "missing argument DEVICE", "list all devices: mdevadm list --all");
    }
    if (socket_.empty() && domain_.empty()) {
      throw Error(ExitCode::usage, "no virtual machine given",
                  "specify its QMP socket with --qmp SOCKET, or its domain in libvirt with --domain NAME");
    }
  }

  // Returns the running virtual machine.
  std::unique_ptr<Machine> connect(const Context& context) const {
    const char* environment = std::getenv("LIBVIRT_DEFAULT_URI");
    const std::string uri = !uri_.empty() ? uri_ : environment != nullptr ? environment : usual_uri;
    const milliseconds for_answers = std::max(patience(), least_patience);
    return socket_.empty() ? find_domain(context.host(), uri, domain_, for_answers)
                           : connect_to_qemu(socket_, for_answers);
  }

  std::string machine_name() const {
    return socket_.empty() ? fmt::format("the domain '{}'", printable(domain_))
                           : fmt::format("QEMU at '{}'", printable(socket_));
  }

  milliseconds patience() const { return timeout_.empty() ? usual_patience : parse_seconds(timeout_); }

  // Returns the group that is the argument, or nullptr. A group has an order and settings of its own, so it
  // is the only argument.
  const Group* group_in(const Groups& groups, const Definitions& defined, const std::string& verb) const {
    for (const std::string& word : words_) {
      const Group* group =
          group_meant_by(word, groups, defined, fmt::format("cannot {} '{}'", verb, printable(word)));
      if (group != nullptr && words_.size() > 1) {
        throw Error(ExitCode::usage, fmt::format("group '{}' must be the only argument", printable(word)));
      }
      if (group != nullptr) {
        return group;
      }
    }
    return nullptr;
  }

  Batch batch_for(const Group* group, const std::string& verb) const {
    Batch batch(change_, group != nullptr ? verb + " group" : verb);
    if (group != nullptr) {
      batch.of_group(group->name.str());
    }
    return batch;
  }

  Identity about(const Group* group) const {
    return group != nullptr     ? identity_of(*group)
           : words_.size() == 1 ? Identity{.uuid = Uuid::parse(words_.front()), .argument = words_.front()}
                                : Identity{.argument = join(words_, " ")};
  }

  std::vector<std::string> words_;
  std::string socket_;
  std::string domain_;
  std::string uri_;
  std::string timeout_;
  ChangeOptions change_;
};

// A device to attach: active, or with a definition from which it is started first.
struct DeviceToAttach {
  std::string word;
  std::optional<Definition> definition{};
  ParentName parent;
  Uuid uuid;
};

class AttachCommand final : public MachineCommand {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_common(app, kinds);
    kinds
        .set(
            app.add_option("--bus", buses_,
                           "comma-separated list of QEMU's buses, one for each device (default: free ports)"),
            ValueKind::buses)
        ->delimiter(',');
    app.add_flag("--iommufd", iommufd_, "use QEMU's object iommufd0 in place of VFIO groups");
    change_.declare(app);
  }

  ExitCode run(Context& context) override {
    require_arguments();
    Groups groups = context.groups();
    Definitions defined = context.definitions();
    const Group* group = group_in(groups, defined, "attach");
    Batch batch = batch_for(group, "attach");
    Identity subject = about(group);
    batch.show_devices();
    std::vector<DeviceToAttach> wanted;
    try {
      wanted = find(context, group, defined);
    } catch (const Error& error) {
      batch.refuse(subject, error);
      return batch.finish(context);
    }
    const std::unique_ptr<Machine> machine = connect(context);
    batch.use(*machine);
    PlanLocks locks;
    try {
      bool is_first = true;
      locks = batch.lock_found(context, ChangesDefinitions::no, [&] {
        if (!std::exchange(is_first, false)) {
          groups = context.groups();
          defined = context.definitions();
          group = group_in(groups, defined, "attach");
          wanted = find(context, group, defined);
        }
        return parents_of(wanted);
      });
      if (group == nullptr && wanted.size() == 1) {
        subject = identity_of(wanted.front());
      }
      const std::vector<ParentName> parents = parents_of(wanted);
      Facet facets = guest_facets | Facet::description | Facet::holders | Facet::busy;
      for (const DeviceToAttach& one : wanted) {
        facets |= one.definition ? facets_to_start(*one.definition) : Facet::none;
      }
      const Snapshot seen = context.observe({facets, parents, std::nullopt});
      context.warn_of_unseen(seen);
      const std::vector<AttachedDevice> attached = machine->devices();
      batch.take(subject, [&] {
        const Plan start = plan_starts(seen, group, defined, wanted);
        return plan_attach(start, attachments(seen, defined, wanted, start, attached), attached, patience(),
                           machine_name());
      });
    } catch (const Error& error) {
      batch.refuse(subject, error);
    }
    return batch.finish(context);
  }

 private:
  static Identity identity_of(const DeviceToAttach& one) {
    return one.definition ? mdevadm::identity_of(*one.definition, one.word)
                          : Identity{.uuid = one.uuid, .argument = one.word, .parent = one.parent.str()};
  }

  static std::vector<ParentName> parents_of(const std::vector<DeviceToAttach>& wanted) {
    std::vector<ParentName> parents;
    for (const DeviceToAttach& one : wanted) {
      parents.push_back(one.parent);
    }
    return parents;
  }

  std::vector<DeviceToAttach> find(Context& context, const Group* group, const Definitions& defined) const {
    std::vector<DeviceToAttach> wanted;
    if (group != nullptr) {
      const std::string doing = fmt::format("cannot attach group '{}'", group->name.str());
      for (const Definition* member : members_of(*group, defined, doing)) {
        wanted.push_back({mdevadm::identity_of(*member).word(), *member, member->parent, member->uuid});
      }
      return wanted;
    }
    const Snapshot devices = context.observe({Facet::devices, std::nullopt, std::nullopt});
    for (const std::string& word : words_) {
      const std::string doing = fmt::format("cannot attach '{}'", printable(word));
      const Found found = resolve_no_group(word, devices, defined, doing);
      if (std::any_of(wanted.begin(), wanted.end(),
                      [&](const DeviceToAttach& one) { return one.uuid == found.uuid; })) {
        continue;
      }
      if (found.active != nullptr) {
        const Definition* definition = defined.find(found.uuid, found.active->parent);
        wanted.push_back({word, definition != nullptr ? std::optional(*definition) : std::nullopt,
                          found.active->parent, found.uuid});
      } else {
        const Definition& definition = require_definition(found, doing);
        wanted.push_back({word, definition, definition.parent, found.uuid});
      }
    }
    return wanted;
  }

  // Plans to start the devices that are not active.
  static Plan plan_starts(const Snapshot& seen, const Group* group, const Definitions& defined,
                          const std::vector<DeviceToAttach>& wanted) {
    if (group != nullptr) {
      return plan_group_start(seen, *group, defined, {Uuid::random()});
    }
    Plan plan;
    StartOptions options{.in_stages = true};
    options.defined = &defined;
    StartPlanner planner(seen, std::move(options));
    for (const DeviceToAttach& one : wanted) {
      if (one.definition) {
        plan.jobs.push_back(planner.plan(*one.definition, one.word));
      }
    }
    return plan;
  }

  std::vector<Attachment> attachments(const Snapshot& seen, const Definitions& defined,
                                      const std::vector<DeviceToAttach>& wanted, const Plan& start,
                                      const std::vector<AttachedDevice>& attached) const {
    std::vector<GuestDevice> devices;
    for (const DeviceToAttach& one : wanted) {
      const std::string doing = "cannot attach " + identity_of(one).quoted();
      std::optional<GuestDevice> device = planned(seen, one, start, doing);
      if (!device) {
        const Found found = resolve_device(one.uuid.str(), seen, defined, one.parent, doing);
        device = guest_device(seen, found, doing);
        require_free(*found.active, *device, attached, doing);
      }
      devices.push_back(*std::move(device));
    }
    require_usable_together(devices, "cannot attach devices to " + machine_name());
    if (!buses_.empty() && buses_.size() != devices.size()) {
      throw Error(ExitCode::usage, fmt::format("--bus: expected a bus for each device ({}), not {}",
                                               devices.size(), buses_.size()));
    }
    const std::vector<std::string> ids = qemu_ids(devices);
    std::vector<Attachment> result;
    for (std::size_t i = 0; i < devices.size(); ++i) {
      QemuProperties properties = qemu_properties(devices[i], ids[i], {.iommufd = iommufd_}, "");
      if (!buses_.empty()) {
        properties.emplace_back("bus", buses_[i]);
      }
      result.push_back(
          {devices[i], ids[i], std::move(properties), render::libvirt_hostdevs({.all = {devices[i]}}, {})});
    }
    return result;
  }

  static std::optional<GuestDevice> planned(const Snapshot& seen, const DeviceToAttach& wanted,
                                            const Plan& start, const std::string& doing) {
    for (const Job& job : start.jobs) {
      if (wanted.definition && job.about.uuid == wanted.uuid && job.about.parent == wanted.parent.str()) {
        return guest_device(seen, *wanted.definition, job, doing);
      }
    }
    return std::nullopt;
  }

  static void require_free(const Device& active, const GuestDevice& device,
                           const std::vector<AttachedDevice>& attached, const std::string& doing) {
    const bool is_attached = std::any_of(attached.begin(), attached.end(),
                                         [&](const AttachedDevice& one) { return one.is(device); });
    if (active.busy && !is_attached) {
      throw Error(ExitCode::in_use, fmt::format("{}: it is in use by {}", doing, describe(active.holders)),
                  "a device can be used by one virtual machine; detach it there first")
          .held_by(active.holders);
    }
  }

  std::vector<std::string> buses_;
  bool iommufd_ = false;
};

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
    GuestTargets targets;
    try {
      targets = active_targets(context, group, defined);
    } catch (const Error& error) {
      batch.refuse(identity, error);
      return batch.finish(context);
    }
    const std::unique_ptr<Machine> machine = connect_or_ended(context);
    std::vector<sys::FileLock> locks;
    try {
      if (group == nullptr && targets.devices.all.size() == 1) {
        identity = identity_of_guest(targets.devices.all.front());
      }
      const bool is_detached =
          machine == nullptr || detach(context, batch, *machine, {group, targets, identity});
      if (is_detached && !no_stop_) {
        locks = stop(context, batch, group, targets);
      }
    } catch (const Error& error) {
      batch.refuse(identity, error);
    }
    return batch.finish(context);
  }

 private:
  struct Detached {
    const Group* group;
    const GuestTargets& targets;
    const Identity& identity;  // of the group, or of the devices if there is one result for all
  };

  Identity identity_of_guest(const GuestDevice& device) const {
    const auto word = arguments_.find(device.uuid);
    return {device.uuid, device.name, word != arguments_.end() ? word->second : "", device.parent.str(),
            device.type ? device.type->str() : ""};
  }

  // Returns the devices without those that are not active, unless none is: an earlier run may have stopped
  // some of them.
  GuestTargets active_targets(Context& context, const Group* group, const Definitions& defined) {
    const Snapshot seen = context.observe({Facet::devices, std::nullopt, std::nullopt});
    std::vector<std::string> active;
    std::vector<std::string> inactive;
    if (group != nullptr) {
      const std::string doing = fmt::format("cannot detach group '{}'", group->name.str());
      for (const Definition* member : members_of(*group, defined, doing)) {
        const Device* device = seen.find_device(member->uuid);
        const bool is_active = device != nullptr && device->parent == member->parent;
        (is_active ? active : inactive)
            .push_back(is_active ? member->uuid.str() : mdevadm::identity_of(*member).quoted());
      }
    } else {
      for (const std::string& word : words_) {
        const Found found =
            resolve_no_group(word, seen, defined, fmt::format("cannot detach '{}'", printable(word)));
        arguments_.try_emplace(found.uuid, word);
        (found.active != nullptr ? active : inactive)
            .push_back(found.active != nullptr ? word
                                               : Identity{.uuid = found.uuid, .argument = word}.quoted());
      }
    }
    if (active.empty() || inactive.empty()) {
      return guest_targets(context, words_, "detach");
    }
    for (const std::string& device : inactive) {
      context.messages().note(device + " is not active");
    }
    return guest_targets(context, active, "detach");
  }

  // Returns nullptr if QEMU has ended, which has detached its devices.
  std::unique_ptr<Machine> connect_or_ended(const Context& context) const {
    try {
      return connect(context);
    } catch (const Error& error) {
      if (!socket_.empty() && error.code() == ExitCode::not_found) {
        throw error.with_hint(
            "if QEMU has ended, its devices are detached; to stop them: mdevadm stop DEVICE");
      }
      if (error.number() != ECONNREFUSED && error.number() != ESRCH) {
        throw;
      }
      context.messages().note(
          socket_.empty()
              ? fmt::format("{} is not running, so its devices are detached", machine_name())
              : fmt::format("no program listens at '{}': QEMU has ended, and its devices are detached",
                            printable(socket_)));
      return nullptr;
    }
  }

  // Plans to detach the devices, and does so unless the jobs are those of the batch. Returns false if the
  // batch has the results.
  bool detach(Context& context, Batch& batch, Machine& machine, const Detached& what) const {
    std::vector<Attachment> wanted;
    const std::vector<GuestDevice>& devices = what.targets.devices.all;
    const std::vector<std::string> ids = qemu_ids(devices);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      wanted.push_back({devices[i], ids[i], qemu_properties(devices[i], ids[i], {}, ""),
                        render::libvirt_hostdevs({.all = {devices[i]}}, {})});
    }
    batch.use(machine);
    Plan plan = plan_detach(wanted, machine.devices(), patience(), machine_name());
    for (Job& job : plan.jobs) {
      if (job.about.uuid && what.group == nullptr) {
        const auto word = arguments_.find(*job.about.uuid);
        job.about.argument = word != arguments_.end() ? word->second : "";
      }
    }
    const bool any =
        std::any_of(plan.jobs.begin(), plan.jobs.end(), [](const Job& job) { return !job.steps.empty(); });
    if (!any && what.group != nullptr) {
      throw Error(ExitCode::conflict,
                  fmt::format("cannot detach group '{}': no member is attached to {}", what.group->name.str(),
                              machine_name()),
                  not_attached(what.identity, machine_name()).hints());
    }
    if (!any) {
      for (auto job = plan.jobs.rbegin(); job != plan.jobs.rend(); ++job) {  // in the order of the arguments
        batch.refuse(job->about, not_attached(job->about, machine_name()));
      }
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
    effects.machine = &machine;
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

std::unique_ptr<Command> make_attach() {
  return std::make_unique<AttachCommand>();
}

std::unique_ptr<Command> make_detach() {
  return std::make_unique<DetachCommand>();
}

}  // namespace mdevadm::cli
