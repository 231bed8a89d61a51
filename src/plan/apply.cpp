#include <mdevadm/plan/apply.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/plan/start_order.hpp>
#include <mdevadm/util/text.hpp>
#include <set>

#include "correction.hpp"
#include "expand_entries.hpp"
#include "move.hpp"
#include "repeated_names.hpp"
#include "wanted_definitions.hpp"
#include "wanted_devices.hpp"
#include "wanted_groups.hpp"
#include "wanted_parents.hpp"
#include "wanted_starts.hpp"

namespace mdevadm {

namespace {

using Kind = HostChange::Kind;
using Object = HostChange::Object;

// Stages of the plan: stops have two; then files are written, and devices are started.
constexpr unsigned writing = 2;
constexpr unsigned grouping = 3;
constexpr unsigned starting = 4;

Job in_stage(Job job, unsigned stage) {
  for (Step& step : job.steps) {
    step.stage += stage;
  }
  return job;
}

class ApplyPlanner {
 public:
  // `plan` has the problems that are known already, and the refusals of devices that cannot be stopped.
  // `tables`: the device tables as written.
  ApplyPlanner(const ApplyInput& input, const std::vector<DeviceEntry>& tables, const ApplyOptions& options,
               ApplyPlan plan, const UnstoppedDevices& unstopped)
      : input_(input),
        tables_(tables),
        options_(options),
        plan_(std::move(plan)),
        unstopped_(unstopped),
        devices_(input, options, plan_, unstopped),
        definitions_(input, plan_, devices_),
        groups_(input, pruned_) {}

  ApplyPlan plan() {
    plan_all();
    for (const WantedDevice& device : devices_.all()) {
      if (device.refused && device.placed && device.current != nullptr &&
          devices_.active_of(*device.current) != nullptr && !devices_.is_unstopped(*device.current)) {
        keep(*device.current);
      }
    }
    return std::move(plan_);
  }

  // The active devices that were planned as stopped, and are not: the plan is wrong for what depends on them.
  const UnstoppedDevices& unstopped() const { return newly_unstopped_; }

 private:
  void plan_all() {
    require_usable_settings(input_, plan_);
    require_single_parents_and_groups(input_.file, plan_);
    devices_.find();
    pruned_ = find_pruned(input_, options_, devices_, unstopped_, plan_);
    devices_.place(pruned_.definitions, users());
    plan_.devices = devices_.all().size();
    definitions_.complete_all(pruned_.definitions);
    groups_.find(tables_, devices_.all(), plan_);
    plan_.stopping = devices_.leaving(pruned_.definitions);
    plan_settings(input_, plan_);
    plan_stops_and_definitions();
    plan_groups();
    plan_corrections();
    plan_starts();
    plan_followers();
    order_chains();
  }

  Uuid space() const { return input_.file.space_or_default(); }

  // Returns the devices that are known to be in use or claimed.
  std::set<Uuid> users() const {
    std::set<Uuid> result;
    for (const Device& device : input_.users != nullptr ? input_.users->devices : std::vector<Device>{}) {
      if (device.busy || input_.users->claims.find(device.uuid) != nullptr) {
        result.insert(device.uuid);
      }
    }
    return result;
  }

  void problem(const FilePosition& where, ExitCode code, const std::string& message,
               const std::vector<std::string>& hints = {}) {
    plan_.problems.push_back({{where.path, where.line, where.column, message}, code, hints});
  }

  std::vector<Job>& chain_of(const Uuid& uuid, const ParentName& parent) {
    return chains_[{uuid.str(), parent.str()}];
  }

  // Returns the job that stops the device as part of a command of its chain; nullopt if it is not active.
  std::optional<Job> stop_of(const Definition& definition, const std::string& command) {
    if (devices_.active_of(definition) == nullptr) {
      return std::nullopt;
    }
    StopRequest request{.about = identity_of(definition)};
    request.deadline = options_.deadline;
    request.waiting_command = "mdevadm apply --timeout 30";
    request.part_of = StopRequest::Part::apply;
    const Snapshot& seen = input_.users != nullptr ? *input_.users : input_.seen;
    Job job = plan_stop(seen, request, definition.parent, plan_.stopping);
    job.part_of = fmt::format("{} {}", command, request.about.quoted());
    return job;
  }

  // A device that cannot be stopped, or not be started again, runs on, and its definition does not change.
  void keep(const Definition& definition) { newly_unstopped_.emplace(definition.uuid, definition.parent); }

  // Plans one device, or refuses it as a whole. Returns whether it is planned.
  template <typename PlanJobs>
  bool add_chain(const Definition& definition, const PlanJobs& plan_jobs) {
    const std::size_t changes = plan_.changes.size();
    std::vector<Job> jobs;
    try {
      plan_jobs(jobs);
    } catch (const Error& error) {
      plan_.refused.push_back({identity_of(definition), error});
      plan_.changes.resize(changes, {Kind::add, Object::device, {}});
      return false;
    }
    std::vector<Job>& chain = chain_of(definition.uuid, definition.parent);
    for (Job& job : jobs) {
      job.lane = definition.parent.str();
      if (!job.steps.empty()) {
        chain.push_back(std::move(job));
      }
    }
    return true;
  }

  void plan_stops_and_definitions() {
    for (const WantedDevice& device : devices_.all()) {
      const Job* job = definitions_.job_of(device);
      if (device.deferred) {
        defer(device);
      } else if (!device.is_planned()) {
        continue;
      } else if (device.current == nullptr) {
        plan_.changes.push_back(
            {Kind::add, Object::device, device.about(), differences(std::nullopt, device.wanted)});
        chain_of(device.uuid, device.wanted.parent).push_back(in_stage(*job, writing));
      } else if (job != nullptr) {
        plan_change(device, *job);
      }
    }
    for (const Definition* definition : pruned_.definitions) {
      const bool is_planned = add_chain(*definition, [&](std::vector<Job>& jobs) {
        plan_.changes.push_back({Kind::remove, Object::device, identity_of(*definition)});
        if (auto stop = stop_of(*definition, "apply")) {
          plan_.parents.push_back(definition->parent);
          jobs.push_back(*std::move(stop));
        }
        Groups groups;  // members leave the groups when the files of these are written
        const Group* group = input_.groups.of(*definition);
        if (group != nullptr && groups_.stays(*group)) {
          groups.all.push_back(*group);
        }
        // After the groups of the description, of which it may be a member.
        jobs.push_back(in_stage(plan_undefine(*definition, groups, true), grouping));
      });
      if (!is_planned) {
        keep(*definition);
      }
    }
  }

  // Announces a device that is planned when its parent has been prepared.
  void defer(const WantedDevice& device) {
    HostChange change{device.current != nullptr ? Kind::change : Kind::add, Object::device, device.about()};
    if (device.current != nullptr && !device.entry->type.empty()) {
      change.differences.push_back({"type", device.current->type.str(), device.entry->type});
    }
    announce(device.current != nullptr ? "modify" : "define", std::move(change));
  }

  void announce(const std::string& verb, HostChange change) {
    plan_.deferred.push_back({.goal = fmt::format("{} {}", verb, change.about.quoted()),
                              .about = change.about,
                              .notes = {"the steps cannot be listed before the parent has been prepared"}});
    plan_.changes.push_back(std::move(change));
  }

  void plan_change(const WantedDevice& device, const Job& job) {
    const Definition& before = *device.current;
    const bool is_planned = add_chain(before, [&](std::vector<Job>& jobs) {
      plan_.changes.push_back(
          {Kind::change, Object::device, identity_of(before), differences(before, device.wanted)});
      if (devices_.is_to_stop(device)) {
        require_prepared(device);
        if (auto stop = stop_of(before, "apply")) {
          plan_.parents.push_back(before.parent);
          plan_.changes.push_back(
              {device.entry->active ? Kind::restart : Kind::stop, Object::device, identity_of(before)});
          jobs.push_back(*std::move(stop));
          stopped_devices_.insert(device.uuid);
        }
      }
      jobs.push_back(in_stage(job, writing));
      own_node(device, jobs.back());
    });
    if (!is_planned) {
      keep(before);
    }
  }

  // A change of the owner of nodes does not need a restart.
  void own_node(const WantedDevice& device, Job& job) const {
    const Device* active = devices_.active_of(*device.current);
    if (active != nullptr && device.wanted.node && device.wanted.node != device.current->node &&
        !stopped_devices_.contains(device.uuid)) {
      job.steps.push_back({OwnNode{*active, *device.wanted.node}, std::nullopt, writing});
    }
  }

  void plan_groups() {
    for (const WantedGroup& group : groups_.described()) {
      if (group.current == nullptr) {
        plan_.changes.push_back(
            {Kind::add, Object::group, identity_of(group.after), differences(std::nullopt, group.after)});
        chains_[{"group " + group.after.name.str(), ""}].push_back(
            in_stage(Job{fmt::format("create group '{}'", group.after.name.str()),
                         identity_of(group.after),
                         {},
                         {{AddGroup{group.after}, RemoveGroup{group.after}}}},
                     grouping));
      } else if (*group.current != group.after) {
        change_group(*group.current, group.after, writing);
      }
    }
    for (const Group* group : pruned_.groups) {
      plan_.changes.push_back({Kind::remove, Object::group, identity_of(*group)});
      chains_[{"group " + group->name.str(), ""}].push_back(in_stage(plan_group_delete(*group), writing));
    }
  }

  void change_group(const Group& before, const Group& after, unsigned stage) {
    plan_.changes.push_back({Kind::change, Object::group, identity_of(after), differences(before, after)});
    chains_[{"group " + after.name.str(), ""}].push_back(
        in_stage(Job{fmt::format("change group '{}'", after.name.str()),
                     identity_of(after),
                     {},
                     {{ReplaceGroup{before, after}, ReplaceGroup{after, before}}}},
                 stage));
  }

  // Groups that are not described and whose members name the parent follow definitions that move.
  void plan_followers() {
    std::vector<ReplaceDefinition> moves;
    for (const auto& [key, chain] : chains_) {
      for (const Job& job : chain) {
        for (const Step& step : job.steps) {
          const auto* edit = std::get_if<ReplaceDefinition>(&step.action);
          if (edit != nullptr && edit->before.parent != edit->after.parent) {
            moves.push_back(*edit);
          }
        }
      }
    }
    for (const Group& group : input_.groups.all) {
      const Group after = moved_members(group, moves);
      if (after != group && groups_.stays(group)) {
        change_group(group, after, grouping);
      }
    }
  }

  // Returns whether a device is active as described and completely started.
  bool is_running(const WantedDevice& device) const {
    const Device* active = input_.seen.find_device(device.uuid);
    return active != nullptr && !stopped_devices_.contains(device.uuid) && !active->unfinished &&
           active->online != false;
  }

  // Active devices can differ from their definitions although these match the description.
  void plan_corrections() {
    for (const WantedDevice& device : devices_.all()) {
      const Device* active = device.current != nullptr ? devices_.active_of(*device.current) : nullptr;
      if (active != nullptr && device.entry->active && device.is_planned() &&
          device.wanted == *device.current && is_running(device)) {
        correct(*device.current, *active);
      }
    }
  }

  void correct(const Definition& definition, const Device& active) {
    const Correction correction{input_, definitions_.after(), definition, active, groups_.of(definition)};
    const std::vector<DriftedSetting> drift = correction.drift();
    if (!drift.empty() && !correction.is_possible()) {
      plan_.notes.push_back(correction.note());
      return;
    }
    if (!drift.empty()) {
      plan_.correcting.push_back(definition.uuid);
    }
    add_chain(definition, [&](std::vector<Job>& jobs) {
      jobs.push_back(in_stage(drift.empty() ? correction.own_nodes() : correction.plan(), writing));
      if (!jobs.back().steps.empty()) {
        plan_.parents.push_back(active.parent);
      }
      if (!drift.empty()) {
        plan_.changes.push_back(correction.change());
      }
    });
  }

  using GroupStarts = std::pair<const Group*, std::vector<const WantedDevice*>>;

  // Returns the devices that are to be started, by group and in the order of their start; those without a
  // group come first.
  std::vector<GroupStarts> starts_by_group() {
    std::vector<GroupStarts> result{{nullptr, {}}};
    for (const Group* group : groups_.all()) {
      result.emplace_back(group, std::vector<const WantedDevice*>{});
    }
    for (const WantedDevice& device : devices_.all()) {
      if (device.entry->active && device.is_planned() && !is_running(device)) {
        const Group* group = groups_.of(device.wanted);
        std::find_if(result.begin(), result.end(), [&](const GroupStarts& one) {
          return one.first == group;
        })->second.push_back(&device);
      } else if (device.entry->active && device.deferred && !is_running(device)) {
        announce_start(device);
      }
    }
    const std::map<Uuid, std::size_t> order = groups_.ranks(definitions_.after());
    const auto rank_of = [&](const WantedDevice* device) {
      const auto rank = order.find(device->uuid);
      return rank != order.end() ? rank->second : order.size();
    };
    for (auto& [group, devices] : result) {
      std::stable_sort(devices.begin(), devices.end(),
                       [&](const WantedDevice* a, const WantedDevice* b) { return rank_of(a) < rank_of(b); });
    }
    return result;
  }

  // Devices of a group start together, and share what the group says.
  void plan_starts() {
    const std::vector<GroupStarts> starts = starts_by_group();
    std::vector<WantedStart> counted;
    for (const auto& [group, devices] : starts) {
      for (const WantedDevice* device : devices) {
        // What a parent that is prepared first offers now does not count.
        if (!devices_.is_unprepared(device->wanted.parent) && !devices_.is_failed(device->wanted.parent)) {
          counted.push_back({device, stopped_devices_.contains(device->uuid)});
        }
      }
    }
    placeless_ = find_placeless(definitions_.later(), std::move(counted));
    for (const auto& [group, devices] : starts) {
      if (devices.empty()) {
        continue;
      }
      const std::size_t refused = plan_.refused.size();
      StartPlanner planner(definitions_.later(), options_for(group));
      for (const WantedDevice* device : devices) {
        plan_start_of(planner, *device, group);
      }
      if (group != nullptr && plan_.refused.size() > refused) {
        drop_starts(*group, devices, Error(plan_.refused[refused].error));
      }
    }
    refuse_placeless(without_place_, placeless_, devices_, plan_);
    note_placeless(without_place_, placeless_, plan_);
  }

  // A group starts as a whole: refuses its members that would start, because another one cannot. Devices that
  // are restarted were active before, and are started again without it.
  void drop_starts(const Group& group, const std::vector<const WantedDevice*>& members, const Error& cause) {
    for (const WantedDevice* member : members) {
      std::vector<Job>& chain = chain_of(member->uuid, parent_now(*member));
      if (chain.empty() || chain.back().unit.empty()) {
        continue;
      }
      chain.pop_back();
      std::erase_if(plan_.changes, [&](const HostChange& change) {
        return change.kind == Kind::start && change.about.uuid == member->uuid;
      });
      plan_.refused.push_back(
          {member->about(),
           Error(cause.code(), fmt::format("cannot start {} of group '{}', which starts as a whole: {}",
                                           member->about().quoted(), group.name.str(), cause.what()))});
    }
  }

  // Returns the parent under which the device has a definition already, if any.
  static const ParentName& parent_now(const WantedDevice& device) {
    return device.current != nullptr ? device.current->parent : device.wanted.parent;
  }

  // Members of groups first, then the other devices as sort_for_start() orders them, then the rest.
  void order_chains() {
    std::map<Uuid, std::size_t> order = groups_.ranks(definitions_.after());
    std::vector<Definition> sorted = definitions_.after().all;
    sort_for_start(input_.seen, sorted);
    for (const Definition& definition : sorted) {
      order.emplace(definition.uuid, order.size());
    }
    std::vector<std::pair<std::size_t, std::vector<Job>*>> chains;
    for (auto& [key, chain] : chains_) {
      const auto uuid = Uuid::parse(key.first);
      const auto rank = uuid ? order.find(*uuid) : order.end();
      chains.emplace_back(rank != order.end() ? rank->second : order.size(), &chain);
    }
    std::stable_sort(chains.begin(), chains.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [rank, chain] : chains) {
      plan_.chains.push_back(std::move(*chain));
    }
  }

  StartOptions options_for(const Group* group) const {
    StartOptions options{.verb = "apply", .defined = &definitions_.after()};
    if (group != nullptr) {
      options.in_stages = true;
      options.sharing = group->sharing;
      options.vm = group->vm;
      options.node = group->node;
      options.peers = Uuid::of_name(space(), "peers of " + group->name.str());
      options.set = groups_.members_to_start(*group, definitions_.after());
      // A device that is not started leads no others.
      std::erase_if(options.set, [&](const Definition& one) { return placeless_.contains(one.uuid); });
    }
    return options;
  }

  // A device is neither started nor stopped for a restart while its parent is not prepared.
  void require_prepared(const WantedDevice& device) const {
    if (device.entry->active && devices_.is_failed(device.wanted.parent)) {
      throw Error(unprepared_error(device, {device.wanted.parent}));
    }
  }

  void announce_start(const WantedDevice& device) {
    announce("start", {Kind::start, Object::device, device.about()});
  }

  void plan_start_of(StartPlanner& planner, const WantedDevice& device, const Group* group) {
    try {
      require_prepared(device);
      if (const auto lack = placeless_.find(device.uuid); lack != placeless_.end()) {
        throw Error(lack->second);
      }
      Job job = planner.plan(device.wanted, {},
                             group != nullptr ? fmt::format(" of group '{}'", group->name.str()) : "");
      if (job.steps.empty()) {
        return;
      }
      if (!stopped_devices_.contains(device.uuid)) {
        plan_.changes.push_back({Kind::start, Object::device, device.about()});
        job.unit = group != nullptr ? "group " + group->name.str() : "";
      }
      plan_.parents.push_back(device.wanted.parent);
      std::vector<Job>& chain = chain_of(device.uuid, parent_now(device));
      chain.push_back(in_stage(std::move(job), starting));
    } catch (const Error& error) {
      const bool is_restart = stopped_devices_.contains(device.uuid);
      // What the parent offers now does not count.
      if (devices_.is_unprepared(device.wanted.parent) && !is_restart) {
        announce_start(device);
        return;
      }
      // A shortage beside devices that are not stopped is not a problem of the description.
      const bool is_counted = placeless_.contains(device.uuid) && !devices_.is_any_unstopped();
      const bool is_spare =
          !device.entry->count && (error.code() == ExitCode::no_capacity || placeless_.contains(device.uuid));
      if (!is_restart && (is_counted || is_spare)) {
        placeless_.emplace(device.uuid, error);
        without_place_.push_back(&device);
        return;
      }
      plan_.refused.push_back({device.about(), error});
      if (is_restart) {
        keep(*device.current);
      }
    }
  }

  const ApplyInput& input_;
  const std::vector<DeviceEntry>& tables_;
  const ApplyOptions& options_;
  ApplyPlan plan_{};
  const UnstoppedDevices& unstopped_;
  WantedDevices devices_;
  WantedDefinitions definitions_;
  Pruned pruned_{};
  WantedGroups groups_;
  // By UUID and parent of the device, or by group.
  std::map<std::pair<std::string, std::string>, std::vector<Job>> chains_{};
  std::set<Uuid> stopped_devices_{};
  Placeless placeless_{};
  std::vector<const WantedDevice*> without_place_{};  // of the devices that were not active before
  UnstoppedDevices newly_unstopped_{};
};

// Plans again while a plan stops devices that turn out to run on: what they have is not free for the others.
ApplyPlan plan_with_unstopped(const ApplyInput& input, const std::vector<DeviceEntry>& tables,
                              const ApplyOptions& options, ApplyPlan begun) {
  UnstoppedDevices unstopped;
  std::optional<std::vector<Uuid>> stopping;
  for (;;) {
    ApplyPlanner planner(input, tables, options, begun, unstopped);
    ApplyPlan plan = planner.plan();
    stopping = stopping.value_or(plan.stopping);
    if (planner.unstopped().empty() || !plan.problems.empty()) {
      plan.stopping = *std::move(stopping);
      return plan;
    }
    for (const auto& [uuid, parent] : planner.unstopped()) {
      unstopped.emplace(uuid, parent);
      std::copy_if(plan.refused.begin(), plan.refused.end(), std::back_inserter(begun.refused),
                   [&, &is = uuid](const Refusal& one) { return one.about.uuid == is; });
    }
  }
}

// Returns the plan with the problems that are known before.
ApplyPlan known_problems(const HostFile& file, const ApplyOptions& options) {
  ApplyPlan plan;
  for (const FileProblem& problem : file.problems) {
    plan.problems.push_back({problem, ExitCode::failed});
  }
  plan.problems.insert(plan.problems.end(), options.problems.begin(), options.problems.end());
  return plan;
}

// Returns the plan, or only its problems, in the order of the files.
ApplyPlan checked(ApplyPlan plan, const HostFile& file) {
  if (plan.problems.empty()) {
    return plan;
  }
  std::vector<HostProblem>& problems = plan.problems;
  std::stable_sort(problems.begin(), problems.end(), [&](const HostProblem& a, const HostProblem& b) {
    return file.order_of(a.problem) < file.order_of(b.problem);
  });
  // The devices of a table can have the same problem.
  const auto is_same = [](const HostProblem& a, const HostProblem& b) {
    return a.problem.str() == b.problem.str();
  };
  problems.erase(std::unique(problems.begin(), problems.end(), is_same), problems.end());
  return {.problems = std::move(problems), .devices = plan.devices, .effort = plan.effort};
}

}  // namespace

Facet facets_to_apply_file(const HostFile& file) {
  const bool depends = std::any_of(file.devices.begin(), file.devices.end(),
                                   [](const DeviceEntry& one) { return one.depends_on_parents(); });
  return depends || file.unread.parents ? facets_to_apply | Facet::gpus : facets_to_apply;
}

ApplyPlan plan_apply(const ApplyInput& present, const ApplyOptions& given) {
  const ApplyOptions options = with_unread_parents(present, given);
  const Definitions defined = with_reservations(present);
  const ApplyInput input{present.file,   present.seen,     defined,
                         present.groups, present.settings, present.users};
  const std::vector<DeviceEntry>& entries = input.file.devices;
  ApplyPlan begun = known_problems(input.file, options);
  if (std::none_of(entries.begin(), entries.end(),
                   [](const DeviceEntry& one) { return one.depends_on_parents(); })) {
    return checked(plan_with_unstopped(input, entries, options, std::move(begun)), input.file);
  }
  const HostFile file = expand_entries(input, options, begun);
  const ApplyInput expanded{file, input.seen, input.defined, input.groups, input.settings, input.users};
  return checked(plan_with_unstopped(expanded, entries, options, std::move(begun)), file);
}

}  // namespace mdevadm
