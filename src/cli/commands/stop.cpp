#include <fmt/format.h>

#include <algorithm>
#include <map>
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
    Definitions defined;
    Snapshot devices;
    std::vector<Target> targets;  // refer to the two above
    std::vector<std::string> notes;
    std::map<std::string, Identity> known;  // by argument
    const auto find = [&] {
      targets.clear();
      notes.clear();
      // Which devices are all of them is not known without the definitions.
      defined = all_ ? context.definitions() : context.definitions_if_readable();
      devices = context.observe({Facet::devices | Facet::parents, std::nullopt, std::nullopt});
      if (all_ && !parent_.empty()) {
        context.require_no_vf("stop");
        require_known_parent(devices, defined, parent_, "cannot stop devices");
      }
      targets = all_ ? all_targets(context, devices, defined, notes)
                     : named_targets(context, devices, defined, notes);
      keep_known(targets, known);
    };
    const auto deadline = deadline_after(parse_seconds(timeout_));
    std::map<Uuid, Error> not_released;
    if (deadline && !change_.dry_run) {
      find();
      wait_for_release(context, targets, request_for({}));
      not_released = refusals_of(targets);
    }
    Batch batch(change_, "stop");
    const PlanLocks locks = batch.lock_found(context, ChangesDefinitions::no, [&] {
      find();
      refuse(targets, not_released);
      return parents_of(targets);
    });
    for (const std::string& note : notes) {
      context.messages().note(note);
    }
    const std::vector<ParentName> parents = parents_of(targets);
    std::vector<Uuid> together;
    for (const Target& target : targets) {
      if (!target.refused) {
        together.push_back(target.found->uuid);
      }
    }
    const Snapshot seen = context.observe_users(uuids_of(targets), parents);
    for (const Target& target : targets) {
      if (target.refused) {
        batch.refuse(target.about, *target.refused);
        continue;
      }
      batch.add(target.about, [&] {
        StopRequest request = request_for(target.about);
        if (!change_.dry_run) {
          request.wait_for_holders = {};
          request.deadline = deadline;
        }
        return plan_stop(seen, request, lane_of(target), together);
      });
    }
    batch.backwards();
    return batch.finish(context);
  }

 private:
  StopRequest request_for(const Identity& about) const { return {about, parse_seconds(timeout_), force_}; }

  static ParentName lane_of(const Target& target) {
    const Found& found = *target.found;
    const Device* device = found.active != nullptr ? found.active : found.removing;
    return device != nullptr           ? device->parent
           : found.definitions.empty() ? *ParentName::parse(target.about.parent)
                                       : found.definitions.front()->parent;
  }

  // A device without a definition that another process stops while this one waits for a lock is not active,
  // rather than unknown.
  static void keep_known(std::vector<Target>& targets, std::map<std::string, Identity>& known) {
    for (Target& target : targets) {
      const auto before = target.found ? known.end() : known.find(target.about.argument);
      if (target.found && !target.refused) {
        Identity about = target.about;
        about.parent = lane_of(target).str();
        known.insert_or_assign(target.found->word, std::move(about));
      } else if (before != known.end() && target.refused->code() == ExitCode::not_found) {
        target = {before->second, Found{before->first, *before->second.uuid, nullptr, {}}};
      }
    }
  }

  static std::vector<ParentName> parents_of(const std::vector<Target>& targets) {
    std::vector<ParentName> parents;
    for (const Target& target : targets) {
      if (!target.refused) {
        parents.push_back(lane_of(target));
      }
    }
    return parents;
  }

  // Returns the devices to stop for --all: those with a definition, so neither transient nor unmanaged ones.
  std::vector<Target> all_targets(const Context& context, const Snapshot& devices, const Definitions& defined,
                                  std::vector<std::string>& notes) const {
    std::vector<Target> targets =
        TargetSearch{context, devices, defined, parent_option(parent_), "stop"}.all_definitions();
    std::erase_if(targets, [](const Target& target) { return target.found->active == nullptr; });
    const auto is_left_alone = [&](const Device& device) {
      return (parent_.empty() || device.parent.str() == parent_) &&
             defined.find(device.uuid, device.parent) == nullptr;
    };
    const auto left_alone = std::count_if(devices.devices.begin(), devices.devices.end(), is_left_alone);
    const bool any_unmanaged =
        std::any_of(devices.devices.begin(), devices.devices.end(),
                    [&](const Device& device) { return is_left_alone(device) && device.unmanaged; });
    if (left_alone > 0) {
      notes.push_back(fmt::format(
          "{} without a definition {} not stopped; to stop one: mdevadm stop UUID{}",
          left_alone == 1 ? "1 active device" : fmt::format("{} active devices", left_alone),
          left_alone == 1 ? "was" : "were",
          any_unmanaged
              ? " (a vGPU on a virtual function that another program assigned: first mdevadm define UUID)"
              : ""));
    } else if (targets.empty()) {
      context.messages().note("no device is active" +
                              (parent_.empty() ? "" : fmt::format(" on {}", printable(parent_))));
    }
    return targets;
  }

  std::vector<Target> named_targets(const Context& context, const Snapshot& devices,
                                    const Definitions& defined, std::vector<std::string>& notes) const {
    std::vector<Target> targets;
    for (Target& target :
         TargetSearch{context, devices, defined, parent_option(parent_), "stop"}.of(words_)) {
      const std::optional<Found>& found = target.found;
      if (found && found->active == nullptr && devices.find_device(found->uuid) != nullptr) {
        target.refused =
            Error(ExitCode::not_found, fmt::format("{}: active, but not on {}", target.doing("stop"),
                                                   parent_.empty() ? lane_of(target).str() : parent_));
      }
      // Only one device with a UUID can be active, whichever definition an argument means.
      const bool again = std::any_of(targets.begin(), targets.end(), [&](const Target& other) {
        return found && other.found && other.found->uuid == found->uuid;
      });
      if (!again) {
        targets.push_back(std::move(target));
      }
    }
    leave_out_inactive(targets, notes);
    return targets;
  }

  // A pattern selects the active devices among those that it matches.
  void leave_out_inactive(std::vector<Target>& targets, std::vector<std::string>& notes) const {
    const auto is_inactive = [](const Target& target) {
      return target.by_pattern && target.found->active == nullptr && target.found->removing == nullptr;
    };
    if (std::erase_if(targets, is_inactive) > 0 && targets.empty()) {
      notes.push_back(fmt::format("no device that matches '{}' is active", printable(join(words_, " "))));
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
