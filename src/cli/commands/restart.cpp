#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/plan/restart.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "../definition_options.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class RestartCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("device,-u,--uuid", words_, "UUID, unique UUID prefix, name or shell pattern")
                  ->required(),
              ValueKind::defined_device);
    kinds.set(app.add_option("-p,--parent", parent_, "select the definition under this parent"),
              ValueKind::parent);
    kinds.set(app.add_option("--timeout", timeout_, "wait up to SECONDS for devices in use to be released"),
              ValueKind::seconds);
    app.add_flag("--accept-abi", accept_abi_,
                 "start even if the guest ABI differs from the recorded one, and record the current one");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    Batch batch(change_, "restart");
    batch.show_devices();
    Definitions defined;
    Snapshot devices;
    std::vector<Target> targets;  // refer to the two above
    std::vector<const Definition*> wanted;
    const auto find = [&] {
      targets.clear();
      defined = context.definitions();
      devices = context.observe({Facet::devices, std::nullopt, std::nullopt});
      targets = TargetSearch{context, devices, defined, parent_option(parent_), "restart"}.of(words_);
      wanted = definitions_to_restart(targets);
      return parents_of(wanted);
    };
    const auto deadline = deadline_after(patience());
    std::map<Uuid, Error> not_released;
    if (deadline && !change_.dry_run) {
      find();
      wait_for_release(context, targets, request_for({}));
      not_released = refusals_of(targets);
    }
    PlanLocks locks =
        batch.lock_found(context, accept_abi_ ? ChangesDefinitions::yes : ChangesDefinitions::no, [&] {
          std::vector<ParentName> parents = find();
          refuse(targets, not_released);
          return parents;
        });
    const std::vector<ParentName> parents = parents_of(wanted);
    std::vector<Uuid> uuids;
    Facet facets = Facet::none;
    for (const Definition* definition : wanted) {
      if (definition != nullptr) {
        uuids.push_back(definition->uuid);
        facets |= facets_to_start(*definition);
      }
    }
    const Snapshot used = context.observe_users(uuids, parents);
    const Snapshot stopped =
        uuids.empty() ? Snapshot{}
                      : after_stop(context.observe({facets, parents, std::nullopt}), uuids, defined);
    // Devices that go offline together are stopped in the given order.
    std::reverse(uuids.begin(), uuids.end());
    StartPlanner planner(stopped, {.accept_abi = accept_abi_, .verb = "restart", .defined = &defined});
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const Target& target = targets[i];
      if (target.refused) {
        batch.refuse(target.about, *target.refused);
        continue;
      }
      StopRequest request = request_for(target.about);
      request.wait_for_holders = change_.dry_run ? patience() : std::chrono::milliseconds(0);
      request.deadline = deadline;
      batch.add_after(
          target.about, [&] { return plan_stop(used, request, wanted[i]->parent, uuids); },
          [&] { return start_after_stop(planner.plan(*wanted[i], target.about.argument)); });
    }
    return batch.finish(context, std::move(locks.definitions));
  }

 private:
  std::chrono::milliseconds patience() const { return parse_seconds(timeout_); }

  StopRequest request_for(const Identity& about) const {
    return {about, patience(), false, StopRequest::Part::restart};
  }

  static std::vector<ParentName> parents_of(const std::vector<const Definition*>& wanted) {
    std::vector<ParentName> parents;
    for (const Definition* definition : wanted) {
      if (definition != nullptr) {
        parents.push_back(definition->parent);
      }
    }
    return parents;
  }

  // Returns the definition of each target, or nullptr and refuses the target.
  static std::vector<const Definition*> definitions_to_restart(std::vector<Target>& targets) {
    std::vector<const Definition*> wanted;
    for (Target& target : targets) {
      const Definition*& definition = wanted.emplace_back(nullptr);
      try {
        definition = target.found ? &definition_to_restart(*target.found, target.doing("restart")) : nullptr;
      } catch (const Error& error) {
        target.refused = error;
      }
    }
    return wanted;
  }

  std::vector<std::string> words_;
  std::string parent_;
  std::string timeout_;
  bool accept_abi_ = false;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_restart() {
  return std::make_unique<RestartCommand>();
}

}  // namespace mdevadm::cli
