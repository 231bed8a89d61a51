#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "../definition_options.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class StopCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    auto* words = kinds.set(app.add_option("device,-u,--uuid", words_, "UUID, unique UUID prefix, or name"),
                            ValueKind::active_device);
    app.add_flag("-a,--all", all_, "stop all active devices that have a definition")->excludes(words);
    kinds.set(app.add_option("-p,--parent", parent_, "only devices on this parent"), ValueKind::parent);
    kinds.set(app.add_option("--timeout", timeout_, "wait up to SECONDS for devices in use to be released"),
              ValueKind::seconds);
    app.add_flag("--force", force_, "request removal even if in use; it completes when the device is closed");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    if (words_.empty() && !all_) {
      throw Error(ExitCode::usage, "missing argument DEVICE (or --all)", "specify a device or --all");
    }
    const Definitions defined = context.definitions_if_readable();
    const Snapshot devices = context.observe({Facet::devices | Facet::parents, std::nullopt, std::nullopt});
    if (all_ && !parent_.empty()) {
      require_known_parent(devices, defined, parent_, "cannot stop devices");
    }
    std::vector<Target> targets =
        all_ ? all_targets(context, devices, defined) : named_targets(devices, defined);
    if (parse_seconds(timeout_).count() > 0 && !change_.dry_run) {
      wait_for_holders(context, targets);
    }
    // The parents were not locked while waiting for the devices to be released; lock them now.
    std::vector<ParentName> parents;
    std::vector<Uuid> together;
    for (const Target& target : targets) {
      if (!target.refused) {
        parents.push_back(*target.lane);
        together.push_back(*target.about.uuid);
      }
    }
    Batch batch(change_, "stop");
    const auto locks = batch.lock_parents(context, parents);
    const Snapshot seen = observe_holders(context, targets, parents);
    for (const Target& target : targets) {
      if (target.refused) {
        batch.refuse(target.about, *target.refused);
        continue;
      }
      batch.add(target.about, [&] {
        StopRequest request = request_for(target.about);
        if (!change_.dry_run) {
          request.wait_for_holders = {};
        }
        return plan_stop(seen, request, *target.lane, together);
      });
    }
    batch.backwards();
    return batch.finish(context);
  }

 private:
  // The device that an argument refers to.
  struct Target {
    Identity about;
    std::optional<Error> refused{};
    std::optional<ParentName> lane{};
  };

  StopRequest request_for(const Identity& about) const { return {about, parse_seconds(timeout_), force_}; }

  // Returns the devices to stop for --all: those with a definition, so neither transient nor unmanaged ones.
  std::vector<Target> all_targets(Context& context, const Snapshot& devices,
                                  const Definitions& defined) const {
    std::vector<Target> targets;
    std::size_t left_alone = 0;
    for (const Device& device : devices.devices) {
      if (!parent_.empty() && device.parent.str() != parent_) {
        continue;
      }
      if (const Definition* definition = defined.find(device.uuid, device.parent)) {
        targets.push_back({identity_of(device, definition), std::nullopt, device.parent});
      } else {
        ++left_alone;
      }
    }
    if (left_alone > 0) {
      context.messages().note(
          fmt::format("{} without a definition {} not stopped; to stop one: mdevadm stop UUID",
                      left_alone == 1 ? "1 active device" : fmt::format("{} active devices", left_alone),
                      left_alone == 1 ? "was" : "were"));
    }
    return targets;
  }

  std::vector<Target> named_targets(const Snapshot& devices, const Definitions& defined) const {
    std::vector<Target> targets;
    for (const std::string& word : words_) {
      const std::string doing = fmt::format("cannot stop '{}'", printable(word));
      Target target{{.argument = word}};
      try {
        const Found found = resolve_device(word, devices, defined, parent_option(parent_), doing);
        target.about = identity_of(found);
        if (found.active == nullptr && devices.find_device(found.uuid) != nullptr) {
          throw Error(ExitCode::not_found,
                      fmt::format("{}: active, but not on {}", doing,
                                  parent_.empty() ? found.definitions.front()->parent.str() : parent_));
        }
        const Device* device = found.active != nullptr ? found.active : found.removing;
        target.lane = device != nullptr ? device->parent : found.definitions.front()->parent;
      } catch (const Error& error) {
        target.refused = error;
      }
      const bool again = std::any_of(targets.begin(), targets.end(), [&](const Target& other) {
        return other.about.uuid && other.about.uuid == target.about.uuid;
      });
      if (!again) {
        targets.push_back(std::move(target));
      }
    }
    return targets;
  }

  // Waits for all devices in parallel. Targets that are not released in time are refused.
  void wait_for_holders(Context& context, std::vector<Target>& targets) const {
    const Snapshot seen = observe_holders(context, targets, {});
    Plan release;
    std::vector<Target*> waiting;
    for (Target& target : targets) {
      const Device* device = target.about.uuid ? seen.find_device(*target.about.uuid) : nullptr;
      device = target.about.uuid && device == nullptr ? seen.find_removing(*target.about.uuid) : device;
      if (device != nullptr && device->busy) {
        release.jobs.push_back(plan_release(*device, request_for(target.about)));
        waiting.push_back(&target);
      }
    }
    VerboseProgress progress(context);
    const auto results = carry_out(release, {context.host(), context.store()}, progress);
    for (std::size_t i = 0; i < results.size(); ++i) {
      waiting[i]->refused = results[i].error;
    }
  }

  static Snapshot observe_holders(Context& context, const std::vector<Target>& targets,
                                  const std::vector<ParentName>& parents) {
    std::vector<Uuid> uuids;
    for (const Target& target : targets) {
      if (target.about.uuid) {
        uuids.push_back(*target.about.uuid);
      }
    }
    return context.observe_users(uuids, parents);
  }

  std::vector<std::string> words_;
  bool all_ = false;
  std::string parent_;
  std::string timeout_;
  bool force_ = false;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_stop() {
  return std::make_unique<StopCommand>();
}

}  // namespace mdevadm::cli
