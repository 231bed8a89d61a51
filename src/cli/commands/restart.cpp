#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/restart.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "../definition_options.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class RestartCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("device,-u,--uuid", words_, "UUID, unique UUID prefix, or name")->required(),
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
    const Definitions defined = context.definitions();
    std::vector<Target> targets = find_targets(context, defined);
    if (patience().count() > 0 && !change_.dry_run) {
      wait_for_release(context, targets);
    }
    std::vector<ParentName> parents;
    std::vector<Uuid> uuids;
    Facet facets = Facet::none;
    for (const Target& target : targets) {
      if (target.definition != nullptr) {
        parents.push_back(target.definition->parent);
        uuids.push_back(target.definition->uuid);
        facets |= facets_to_start(*target.definition);
      }
    }
    const auto locks = batch.lock_parents(context, parents);
    std::optional<sys::FileLock> definitions = accept_abi_ ? batch.lock_definitions(context) : std::nullopt;
    const Snapshot used = context.observe_users(uuids, parents);
    const Snapshot stopped =
        uuids.empty() ? Snapshot{} : after_stop(context.observe({facets, parents, std::nullopt}), uuids);
    // Devices that go offline together are stopped in the given order.
    std::reverse(uuids.begin(), uuids.end());
    StartPlanner planner(stopped, {.accept_abi = accept_abi_});
    for (const Target& target : targets) {
      if (target.refused) {
        batch.refuse(target.about, *target.refused);
        continue;
      }
      batch.add_after(
          target.about, [&] { return plan_the_stop(used, target, uuids); },
          [&] { return start_after_stop(planner.plan(*target.definition, target.about.argument)); });
    }
    return batch.finish(context, std::move(definitions));
  }

 private:
  // An argument and the definition that it refers to, or the reason why it cannot be restarted.
  struct Target {
    Identity about;
    const Definition* definition = nullptr;
    std::optional<Error> refused{};
  };

  std::chrono::milliseconds patience() const { return parse_seconds(timeout_); }

  Job plan_the_stop(const Snapshot& used, const Target& target, const std::vector<Uuid>& together) const {
    const StopRequest request{target.about, change_.dry_run ? patience() : std::chrono::milliseconds(0)};
    try {
      return plan_stop(used, request, target.definition->parent, together);
    } catch (const Error& error) {
      // The hint of a stop names --force, which has no meaning here.
      throw error.code() == ExitCode::in_use
          ? Error(error.code(), error.what(), "stop the process that uses it, or wait with --timeout SECONDS")
                .held_by(error.holders())
          : error;
    }
  }

  std::vector<Target> find_targets(Context& context, const Definitions& defined) const {
    const Snapshot devices = context.observe({Facet::devices, std::nullopt, std::nullopt});
    std::vector<Target> targets;
    for (const std::string& word : words_) {
      const std::string doing = fmt::format("cannot restart '{}'", printable(word));
      Target target{{.argument = word}};
      try {
        const Found found = resolve_device(word, devices, defined, parent_option(parent_), doing);
        target.about = identity_of(found);
        target.definition = &definition_to_restart(found, doing);
      } catch (const Error& error) {
        target.refused = error;
      }
      const bool again = std::any_of(targets.begin(), targets.end(), [&](const Target& other) {
        return target.definition != nullptr && other.definition == target.definition;
      });
      if (!again) {
        targets.push_back(std::move(target));
      }
    }
    return targets;
  }

  // Waits for all devices in parallel, without locks. Devices that are not released in time are refused.
  void wait_for_release(Context& context, std::vector<Target>& targets) const {
    Plan release;
    std::vector<Target*> waiting;
    for (Target& target : targets) {
      if (target.definition == nullptr) {
        continue;
      }
      const Uuid& uuid = target.definition->uuid;
      const Snapshot used = context.observe_users({uuid}, {});
      const Device* device = used.find_device(uuid);
      if (device != nullptr && device->busy) {
        release.jobs.push_back(plan_release(*device, {target.about, patience()}));
        waiting.push_back(&target);
      }
    }
    VerboseProgress progress(context);
    const auto results = carry_out(release, {context.host(), context.store()}, progress);
    for (std::size_t i = 0; i < results.size(); ++i) {
      waiting[i]->refused = results[i].error;
    }
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
