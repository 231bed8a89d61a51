// Groups brought up and down as one: start, stop.
#include <fmt/format.h>

#include <charconv>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// What is seen is seen while nobody else may start or stop devices of the members' parents: so two that want
// the last instances, or the opposite, do so one after the other.
class GroupRun : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("group", name_, "the group")->required(), ValueKind::group);
    declare_more(app, kinds);
    change_.declare(app);
  }

  bool json() const final { return change_.json; }

  ExitCode run(Context& context) final {
    const Groups groups = context.groups();
    return run_group(context, require_group(groups, name_, doing()));
  }

 protected:
  virtual std::string doing() const = 0;
  virtual void declare_more(CLI::App&, ValueKinds&) {}
  virtual ExitCode run_group(Context& context, const Group& group) = 0;

  ExitCode finish(Context& context, Plan plan) {
    Batch batch(change_);
    batch.of_group(name_);
    batch.show_progress();
    batch.take(std::move(plan));
    return batch.finish(context, false);
  }

  std::string name_;
  ChangeOptions change_;
};

class GroupStart final : public GroupRun {
 private:
  std::string doing() const override { return "cannot start the group"; }

  void declare_more(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("--p2p", sharing_, "share peer-to-peer resources otherwise than the group says"),
              ValueKind::sharing);
    app.add_flag("--accept-abi", accept_abi_,
                 "also if a guest would see another device than it was defined with; pin what it sees now");
  }

  ExitCode run_group(Context& context, const Group& group) override {
    const std::string doing = fmt::format("cannot start group '{}'", group.name.str());
    const Definitions defined = context.definitions();
    std::vector<ParentName> parents;
    Facet facets = Facet::description;
    for (const Definition* member : members_of(group, defined, doing)) {
      parents.push_back(member->parent);
      facets |= facets_to_start(*member);
    }
    std::vector<sys::FileLock> locks;
    std::optional<sys::FileLock> definitions;
    if (!change_.dry_run) {
      locks = context.lock_parents(parents);
      definitions = accept_abi_ ? std::optional(context.store().lock()) : std::nullopt;
    }
    const Snapshot seen = context.observe({facets, parents, std::nullopt});
    Group as_said = group;
    as_said.sharing = parse_sharing(sharing_).value_or(group.sharing);
    return finish(context, plan_group_start(seen, as_said, defined, {Uuid::random(), accept_abi_}));
  }

  std::string sharing_;
  bool accept_abi_ = false;
};

class GroupStop final : public GroupRun {
 private:
  std::string doing() const override { return "cannot stop the group"; }

  void declare_more(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("--timeout", timeout_, "wait so long for those who use a member to let go"),
              ValueKind::seconds);
    app.add_flag("--force", force_,
                 "remove members that are in use; those removals stay pending until they are closed");
  }

  ExitCode run_group(Context& context, const Group& group) override {
    std::vector<Uuid> uuids;
    for (const Member& member : group.members) {
      uuids.push_back(member.uuid);
    }
    double seconds = 0;
    std::from_chars(timeout_.data(), timeout_.data() + timeout_.size(), seconds);
    if (seconds > 0 && !change_.dry_run) {
      const std::chrono::milliseconds patience(static_cast<std::int64_t>(seconds * 1000));
      const Plan release = plan_group_release(context.observe_users(uuids, {}), group, patience, force_);
      VerboseProgress progress(context.messages(), context.globals().verbose);
      for (const JobResult& result : carry_out(release, {context.host(), context.store()}, progress)) {
        if (result.error) {
          throw Error(*result.error);
        }
      }
    }
    // Who waited for others to let go kept nobody else from the parents; from here on, nobody changes them.
    const std::vector<ParentName> parents = parents_of(context, group, uuids);
    const auto locks = change_.dry_run ? std::vector<sys::FileLock>{} : context.lock_parents(parents);
    return finish(context, plan_group_stop(context.observe_users(uuids, parents), group, force_));
  }

  // Those of all members, active or not: who starts the group just now holds them all.
  static std::vector<ParentName> parents_of(Context& context, const Group& group,
                                            const std::vector<Uuid>& uuids) {
    std::vector<ParentName> parents;
    for (const Definition& definition : context.definitions_if_readable().all) {
      if (group.has(definition)) {
        parents.push_back(definition.parent);
      }
    }
    if (!uuids.empty()) {
      for (const Device& device : context.observe({Facet::devices, std::nullopt, uuids}).devices) {
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
