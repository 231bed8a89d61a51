// The command attach: devices are started and given to a running virtual machine.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/guest.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/render/guest.hpp>
#include <mdevadm/run/machine.hpp>
#include <mdevadm/util/text.hpp>
#include <utility>

#include "../batch.hpp"
#include "../guests.hpp"
#include "../machine_command.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

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
        ->delimiter(',')
        ->excludes(app.get_option("--domain"));
    app.add_flag("--iommufd", iommufd_, "use QEMU's object iommufd0 in place of VFIO groups")
        ->excludes(app.get_option("--domain"));
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
      Facet facets = guest_facets | Facet::description | Facet::holders | Facet::busy |
                     (iommufd_ ? Facet::nodes : Facet::none);
      for (const DeviceToAttach& one : wanted) {
        facets |= one.definition ? facets_to_start(*one.definition) : Facet::none;
      }
      const Snapshot seen = context.observe({facets, parents, std::nullopt});
      context.warn_of_unseen(seen);
      const std::vector<AttachedDevice> attached = machine->devices();
      batch.take(subject, [&] {
        const Plan start = plan_starts(seen, group, defined, wanted);
        const std::vector<GuestDevice> devices = devices_in(seen, defined, wanted, start, attached);
        require_usable(context, seen, devices);
        return plan_attach(start, attachments(devices), attached, patience(), machine_name());
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

  static std::vector<GuestDevice> devices_in(const Snapshot& seen, const Definitions& defined,
                                             const std::vector<DeviceToAttach>& wanted, const Plan& start,
                                             const std::vector<AttachedDevice>& attached) {
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
    return devices;
  }

  // Returns the start of errors about all devices.
  std::string doing() const { return "cannot attach devices to " + machine_name(); }

  // Throws Error if the virtual machine cannot have these devices, before one is started.
  void require_usable(const Context& context, const Snapshot& seen,
                      const std::vector<GuestDevice>& devices) const {
    require_usable_together(devices, doing());
    if (!buses_.empty() && buses_.size() != devices.size()) {
      throw Error(ExitCode::usage, fmt::format("--bus: expected a bus for each device ({}), not {}",
                                               devices.size(), buses_.size()));
    }
    if (iommufd_) {
      require_iommufd(context, seen, devices, doing());
    }
    for (const GuestDevice& device : devices) {
      if (!domain_.empty()) {
        require_libvirt_can(device, false, doing());
      }
    }
  }

  std::vector<Attachment> attachments(const std::vector<GuestDevice>& devices) const {
    const std::vector<std::string> ids = qemu_ids(devices);
    std::vector<Attachment> result;
    for (std::size_t i = 0; i < devices.size(); ++i) {
      QemuProperties properties = qemu_properties(devices[i], ids[i], {.iommufd = iommufd_}, doing());
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

}  // namespace

std::unique_ptr<Command> make_attach() {
  return std::make_unique<AttachCommand>();
}

}  // namespace mdevadm::cli
