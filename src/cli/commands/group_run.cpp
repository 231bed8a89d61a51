// Groups brought up and down as one: start, stop.
#include <fmt/format.h>

#include <charconv>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// One start or stop of a group at a time, and what is seen is seen under the lock: so two that want the last
// instances, or the opposite, do so one after the other.
class GroupRun : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("group", name_, "the group")->required(), ValueKind::group);
    declare_more(app, kinds);
    change_.declare(app);
  }

  bool json() const final { return change_.json; }

  ExitCode run(Context& context) final {
    std::optional<sys::FileLock> lock;
    if (!change_.dry_run) {
      lock = context.store().lock_groups();
    }
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
    batch.take(std::move(plan));
    return batch.finish(context, false);
  }

  std::string name_;
  ChangeOptions change_;
};

class GroupStart final : public GroupRun {
 private:
  std::string doing() const override { return "cannot start the group"; }

  ExitCode run_group(Context& context, const Group& group) override {
    const Definitions defined = context.definitions();
    std::vector<ParentName> parents;
    for (const Definition* member :
         members_of(group, defined, fmt::format("cannot start group '{}'", group.name.str()))) {
      parents.push_back(member->parent);
    }
    const Snapshot seen = context.host().observe(
        {Facet::devices | Facet::types | Facet::available | Facet::description, parents, std::nullopt});
    return finish(context, plan_group_start(seen, group, defined));
  }
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
    const Look look{Facet::devices | Facet::holders | Facet::busy, std::nullopt, uuids};
    double seconds = 0;
    std::from_chars(timeout_.data(), timeout_.data() + timeout_.size(), seconds);
    if (seconds > 0 && !change_.dry_run) {
      const std::chrono::milliseconds patience(static_cast<std::int64_t>(seconds * 1000));
      const Plan release = plan_group_release(observe(context, look), group, patience, force_);
      VerboseProgress progress(context.messages(), context.globals().verbose);
      for (const JobResult& result : carry_out(release, {context.host(), context.store()}, progress)) {
        if (result.error) {
          throw Error(*result.error);
        }
      }
    }
    return finish(context, plan_group_stop(observe(context, look), group, force_));
  }

  static Snapshot observe(Context& context, const Look& look) {
    Snapshot seen = look.devices->empty() ? Snapshot{} : context.host().observe(look);
    context.warn_of_unseen(seen);
    return seen;
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
