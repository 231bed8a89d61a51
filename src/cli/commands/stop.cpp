#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "../definition_options.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class StopCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    auto* words = kinds.set(
        app.add_option("device,-u,--uuid", words_, "UUID, unique UUID prefix, name or shell pattern"),
        ValueKind::active_device);
    app.add_flag("-a,--all", all_, "stop all active devices that have a definition")->excludes(words);
    kinds.set(app.add_option("-p,--parent", parent_, "stop only devices on this parent"), ValueKind::parent);
    kinds.set(app.add_option("--timeout", timeout_, "wait up to SECONDS for devices in use to be released"),
              ValueKind::seconds);
    app.add_flag("--force", force_,
                 "stop devices that are in use or claimed, too; the removal ends when the device is closed");
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
      context.require_no_vf("stop");
      require_known_parent(devices, defined, parent_, "cannot stop devices");
    }
    std::vector<Target> targets =
        all_ ? all_targets(context, devices, defined) : named_targets(context, devices, defined);
    const auto deadline = deadline_after(parse_seconds(timeout_));
    if (deadline && !change_.dry_run) {
      wait_for_release(context, targets, request_for({}));
    }
    // The parents were not locked while waiting for the devices to be released; lock them now.
    std::vector<ParentName> parents;
    std::vector<Uuid> together;
    for (const Target& target : targets) {
      if (!target.refused) {
        parents.push_back(lane_of(*target.found));
        together.push_back(target.found->uuid);
      }
    }
    Batch batch(change_, "stop");
    const auto locks = batch.lock_parents(context, parents);
    const Snapshot seen = context.observe_users(uuids_of(targets), parents);
    for (const Target& target : targets) {
      if (target.refused) {
        batch.refuse(target.about, *target.refused);
        continue;
      }
      batch.add(target.about, [&] {
        StopRequest request = request_for(target.about);
        request.is_defined = !target.found->definitions.empty();
        if (!change_.dry_run) {
          request.wait_for_holders = {};
          request.deadline = deadline;
        }
        return plan_stop(seen, request, lane_of(*target.found), together);
      });
    }
    batch.backwards();
    return batch.finish(context);
  }

 private:
  StopRequest request_for(const Identity& about) const { return {about, parse_seconds(timeout_), force_}; }

  static const ParentName& lane_of(const Found& found) {
    const Device* device = found.active != nullptr ? found.active : found.removing;
    return device != nullptr ? device->parent : found.definitions.front()->parent;
  }

  // Returns the devices to stop for --all: those with a definition, so neither transient nor unmanaged ones.
  std::vector<Target> all_targets(Context& context, const Snapshot& devices,
                                  const Definitions& defined) const {
    std::vector<Target> targets =
        TargetSearch{context, devices, defined, parent_option(parent_), "stop"}.all_definitions();
    std::erase_if(targets, [](const Target& target) { return target.found->active == nullptr; });
    const auto is_left_alone = [&](const Device& device) {
      return (parent_.empty() || device.parent.str() == parent_) &&
             defined.find(device.uuid, device.parent) == nullptr;
    };
    const auto left_alone = std::count_if(devices.devices.begin(), devices.devices.end(), is_left_alone);
    if (left_alone > 0) {
      context.messages().note(
          fmt::format("{} without a definition {} not stopped; to stop one: mdevadm stop UUID (vGPUs on "
                      "virtual functions that another program assigned: first mdevadm define UUID)",
                      left_alone == 1 ? "1 active device" : fmt::format("{} active devices", left_alone),
                      left_alone == 1 ? "was" : "were"));
    } else if (targets.empty()) {
      context.messages().note("no device is active" +
                              (parent_.empty() ? "" : fmt::format(" on {}", printable(parent_))));
    }
    return targets;
  }

  std::vector<Target> named_targets(Context& context, const Snapshot& devices,
                                    const Definitions& defined) const {
    std::vector<Target> targets;
    for (Target& target :
         TargetSearch{context, devices, defined, parent_option(parent_), "stop"}.of(words_)) {
      const std::optional<Found>& found = target.found;
      if (found && found->active == nullptr && devices.find_device(found->uuid) != nullptr) {
        target.refused =
            Error(ExitCode::not_found, fmt::format("{}: active, but not on {}", target.doing("stop"),
                                                   parent_.empty() ? lane_of(*found).str() : parent_));
      }
      // Only one device with a UUID can be active, whichever definition an argument means.
      const bool again = std::any_of(targets.begin(), targets.end(), [&](const Target& other) {
        return found && other.found && other.found->uuid == found->uuid;
      });
      if (!again) {
        targets.push_back(std::move(target));
      }
    }
    leave_out_inactive(context, targets);
    return targets;
  }

  // A pattern selects the active devices among those that it matches.
  void leave_out_inactive(Context& context, std::vector<Target>& targets) const {
    const auto is_inactive = [](const Target& target) {
      return target.by_pattern && target.found->active == nullptr && target.found->removing == nullptr;
    };
    if (std::erase_if(targets, is_inactive) > 0 && targets.empty()) {
      context.messages().note(
          fmt::format("no device that matches '{}' is active", printable(join(words_, " "))));
    }
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
