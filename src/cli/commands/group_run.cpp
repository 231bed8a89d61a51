// The commands group start and group stop.
#include <fmt/format.h>

#include <mdevadm/model/drift.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/util/text.hpp>
#include <utility>

#include "../batch.hpp"
#include "../boot_report.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// The snapshot is taken under the parent locks, so concurrent starts and stops of groups are serialized.
class GroupRun : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    auto* group = kinds.set(app.add_option("group", name_, "name of the group"), ValueKind::group);
    declare_more(app, kinds, group);
    change_.declare(app);
  }

  bool json() const final { return change_.json; }

  ExitCode run(Context& context) override {
    if (name_.empty()) {
      throw Error(ExitCode::usage, "missing argument GROUP", "list groups: mdevadm group list");
    }
    Batch batch(change_, verb());
    batch.of_group(name_);
    batch.show_progress();
    const Groups groups = context.groups();
    try {
      return run_group(context, batch, require_group(groups, name_, doing()));
    } catch (const Error& error) {
      batch.refuse(identity(), error);
      return batch.finish(context);
    }
  }

 protected:
  virtual std::string verb() const = 0;
  virtual void declare_more(CLI::App& app, ValueKinds& kinds, CLI::Option* group) = 0;
  virtual ExitCode run_group(Context& context, Batch& batch, const Group& group) = 0;

  std::string doing() const { return fmt::format("cannot {} '{}'", verb(), printable(name_)); }
  Identity identity() const { return {.name = name_, .argument = name_}; }

  std::string name_;
  ChangeOptions change_;
};

class GroupStart final : public GroupRun {
 private:
  std::string verb() const override { return "start group"; }

  void declare_more(CLI::App& app, ValueKinds& kinds, CLI::Option* group) override {
    kinds.set(app.add_option("--p2p", sharing_, "override the group's peer-to-peer setting"),
              ValueKind::sharing);
    app.add_flag(
        "--accept-abi", accept_abi_,
        "start even if the guest ABI of a member differs from the recorded one, and record the current one");
    auto* automatic = app.add_flag("--auto", automatic_, "start all groups with autostart");
    automatic->excludes(group);
    kinds.set(app.add_option("--timeout", timeout_,
                             "wait up to SECONDS for missing parents, types and instances (default: 0)"),
              ValueKind::seconds);
    kinds
        .set(app.add_option("-p,--parent", parent_,
                            "with --auto: start only groups on this parent whose parents are all present"),
             ValueKind::parent)
        ->needs(automatic);
  }

  ExitCode run(Context& context) override {
    if (!automatic_) {
      return GroupRun::run(context);
    }
    const Groups groups = context.groups(FileProblems::reported);
    const Definitions defined = context.definitions(FileProblems::reported);
    std::vector<BootUnit> units = boot_units(groups, defined);
    if (const std::optional<ParentName> parent = ParentName::parse(parent_)) {
      units = boot_units_with(context.observe({Facet::parents, std::nullopt, std::nullopt}), std::move(units),
                              *parent);
    }
    for (BootUnit& unit : units) {
      unit.group->sharing = parse_sharing(sharing_).value_or(unit.group->sharing);
    }
    return change_.dry_run ? show_all(context, units, defined)
                           : start_and_report(context, change_, units,
                                              {accept_abi_, parse_seconds(timeout_),
                                               context.parent_settings_if_readable(FileProblems::reported)});
  }

  ExitCode show_all(Context& context, const std::vector<BootUnit>& units, const Definitions& defined) const {
    Batch batch(change_, verb());
    for (const BootUnit& unit : units) {
      const Snapshot seen = context.observe({unit.facets(), unit.parents(), std::nullopt});
      const BootAttempt attempt = plan_boot(seen, unit, defined, {accept_abi_, Uuid::random()});
      for (const Job& job : attempt.plan.jobs) {
        batch.add(job.about, [&job] { return job; });
      }
      for (const Refusal& refusal : attempt.refused) {
        batch.refuse(refusal.about, refusal.error);
      }
    }
    return batch.finish(context);
  }

  // A group with its members, as one reading of the files shows them.
  struct Present {
    Group group;
    Definitions defined;
    std::vector<Definition> members{};
    std::vector<ParentName> parents{};
    Facet facets = Facet::description;
  };

  Present read(Context& context, const Group& group) const {
    Present present{group, context.definitions()};
    present.group.sharing = parse_sharing(sharing_).value_or(group.sharing);
    for (const Definition* member :
         members_of(group, present.defined, fmt::format("cannot start group '{}'", group.name.str()))) {
      present.members.push_back(*member);
      present.parents.push_back(member->parent);
      present.facets |=
          facets_to_start(*member) | facets_to_compare(*member, node_policy_of(*member, &group));
    }
    return present;
  }

  ExitCode run_group(Context& context, Batch& batch, const Group& group) override {
    Present present = read(context, group);
    batch.show_devices();
    if (!timeout_.empty() && !change_.dry_run) {
      const BootUnit unit{present.group, present.members, {{group.name.str(), name_}}};
      return start_and_report(
          context, batch, {unit},
          {.accept_abi = accept_abi_, .patience = parse_seconds(timeout_), .is_autostart = false});
    }
    bool is_first = true;
    PlanLocks locks =
        batch.lock_found(context, accept_abi_ ? ChangesDefinitions::yes : ChangesDefinitions::no, [&] {
          if (!std::exchange(is_first, false)) {
            const Groups groups = context.groups();
            present = read(context, require_group(groups, name_, doing()));
          }
          return present.parents;
        });
    Snapshot seen = context.observe({present.facets, present.parents, std::nullopt});
    std::vector<Compared> wanted;
    for (const Definition& member : present.members) {
      wanted.push_back({&member, node_policy_of(member, &present.group)});
    }
    context.observe_settings_of(seen, wanted);
    batch.take(identity(), [&] {
      return plan_group_start(seen, present.group, present.defined, {Uuid::random(), accept_abi_});
    });
    return batch.finish(context, std::move(locks.definitions));
  }

  std::string sharing_;
  std::string timeout_;
  std::string parent_;
  bool accept_abi_ = false;
  bool automatic_ = false;
};

class GroupStop final : public GroupRun {
 private:
  std::string verb() const override { return "stop group"; }

  void declare_more(CLI::App& app, ValueKinds& kinds, CLI::Option*) override {
    kinds.set(app.add_option("--timeout", timeout_, "wait up to SECONDS for members in use to be released"),
              ValueKind::seconds);
    app.add_flag("--force", force_,
                 "also stop members in use or claimed; a removal completes when the device is closed");
  }

  ExitCode run_group(Context& context, Batch& batch, const Group& group) override {
    Group present = group;
    Definitions defined = context.definitions_if_readable();
    const std::chrono::milliseconds patience = parse_seconds(timeout_);
    const auto deadline = deadline_after(patience);
    if (deadline && !change_.dry_run) {
      const Plan release =
          plan_group_release(context.observe_users(uuids_of(group), {}), group, defined, patience, force_);
      VerboseProgress progress(context);
      for (const JobResult& result : carry_out(release, {context.host(), context.store()}, progress)) {
        if (result.error) {
          throw Error(*result.error);
        }
      }
    }
    std::vector<ParentName> parents;
    const PlanLocks locks = batch.lock_found(context, ChangesDefinitions::no, [&] {
      const Groups groups = context.groups();
      present = require_group(groups, name_, doing());
      defined = context.definitions_if_readable();
      parents = parents_of(context, present, defined);
      return parents;
    });
    batch.take(identity(), [&] {
      return plan_group_stop(context.observe_users(uuids_of(present), parents), present, defined,
                             {force_, deadline});
    });
    return batch.finish(context);
  }

  static std::vector<Uuid> uuids_of(const Group& group) {
    std::vector<Uuid> uuids;
    for (const Member& member : group.members) {
      uuids.push_back(member.uuid);
    }
    return uuids;
  }

  // Returns the parents of all members, active or not: a concurrent start of the group holds the locks of all
  // of them.
  static std::vector<ParentName> parents_of(const Context& context, const Group& group,
                                            const Definitions& defined) {
    const std::vector<Uuid> uuids = uuids_of(group);
    std::vector<ParentName> parents;
    for (const Definition& definition : defined.all) {
      if (group.has(definition)) {
        parents.push_back(definition.parent);
      }
    }
    if (!uuids.empty()) {
      const Snapshot seen = context.observe({Facet::devices, std::nullopt, uuids});
      for (const Device& device : seen.devices) {
        parents.push_back(device.parent);
      }
    }
    return parents;
  }

  std::string timeout_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Command> make_group_start() {
  return std::make_unique<GroupStart>();
}

std::unique_ptr<Command> make_group_stop() {
  return std::make_unique<GroupStop>();
}

}  // namespace mdevadm::cli
