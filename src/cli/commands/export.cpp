// The commands that print devices in the formats of QEMU, libvirt and Graphviz.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/plan/defined_types.hpp>
#include <mdevadm/plan/guest.hpp>
#include <mdevadm/render/dot.hpp>
#include <mdevadm/render/guest.hpp>
#include <mdevadm/util/text.hpp>

#include "../guests.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// The options of the commands that prepare devices for a virtual machine.
class GuestExport : public Command {
 protected:
  void declare_devices(CLI::App& app, ValueKinds& kinds) {
    kinds.set(app.add_option("device,-u,--uuid", words_,
                             "devices (UUID, unique UUID prefix, name, or address "
                             "of a virtual function), or groups"),
              ValueKind::device_or_group);
  }

  void declare_display(CLI::App& app) {
    app.add_flag("--display", display_, "show the display of the device, if its driver supports one");
    app.add_flag("--ramfb", ramfb_,
                 "show the display already before the guest has loaded its driver; the device cannot be "
                 "unplugged then (implies --display)");
  }

  GuestTargets targets(Context& context, Facet more = Facet::none) const {
    if (words_.empty()) {
      throw Error(ExitCode::usage, "missing argument DEVICE", "list all devices: mdevadm list --all");
    }
    return guest_targets(context, words_, "export", more);
  }

  // Returns the start of errors about all devices.
  std::string doing() const { return fmt::format("cannot export '{}'", printable(join(words_, " "))); }

  std::vector<std::string> words_;
  bool display_ = false;
  bool ramfb_ = false;
};

class ExportQemu final : public GuestExport {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_devices(app, kinds);
    kinds.set(
        app.add_option("--format", format_,
                       "shell (default): one line for a shell; json: with devices as JSON objects (QEMU "
                       "6.2 and later); config: a file for -readconfig"),
        ValueKind::qemu_format);
    declare_display(app);
    app.add_flag("--iommufd", iommufd_,
                 "use iommufd in place of VFIO groups (Linux 6.6, QEMU 9.0 and later)");
    kinds.set(app.add_option("--vm-uuid", vm_, "UUID of the virtual machine; empty: do not print one"),
              ValueKind::vm_uuid);
    app.add_flag("--json", json_, "print JSON");
    vm_option_ = app.get_option("--vm-uuid");
  }

  bool json() const override { return json_; }

  ExitCode run(Context& context) override {
    GuestTargets found = targets(context, iommufd_ ? Facet::nodes : Facet::none);
    require_usable_together(found.devices.all, doing());
    if (iommufd_) {
      require_iommufd(context, found.seen, found.devices.all, doing());
    }
    if (vm_option_->count() == 0 && found.vm_conflict) {
      throw found.vm_conflict->with_hint("to choose the UUID of the virtual machine: --vm-uuid UUID");
    }
    if (vm_option_->count() == 0 || !vm_.empty()) {
      const std::optional<Uuid> given = Uuid::parse(vm_);
      if (choose_vm(found.devices, given, doing())) {
        context.messages().note(
            fmt::format("NVIDIA's vGPU manager requires -uuid; the UUID of '{}' is used (to use another one: "
                        "--vm-uuid UUID)",
                        printable(found.devices.all.front().word())));
      }
    } else {
      found.devices.vm.reset();
    }
    render::QemuSet set{.devices = {}, .iommufd = iommufd_, .vm = found.devices.vm};
    const std::vector<std::string> ids = qemu_ids(found.devices.all);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      set.devices.push_back(
          qemu_properties(found.devices.all[i], ids[i], {iommufd_, display_, ramfb_}, doing()));
    }
    context.out = json_ ? render::qemu_document(set, found.devices, context.messages().take_notes())
                  : format_ == "config" ? render::qemu_config(set)
                                        : as_line(format_ == "json" ? render::qemu_arguments_with_json(set)
                                                                    : render::qemu_arguments(set));
    return ExitCode::done;
  }

 private:
  static std::string as_line(const std::vector<std::string>& arguments) {
    std::vector<std::string> words;
    std::transform(arguments.begin(), arguments.end(), std::back_inserter(words),
                   [](const std::string& argument) { return shell_word(argument); });
    return join(words, " ") + "\n";
  }

  std::string format_;
  std::string vm_;
  CLI::Option* vm_option_ = nullptr;
  bool iommufd_ = false;
  bool json_ = false;
};

class ExportLibvirt final : public GuestExport {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_devices(app, kinds);
    declare_display(app);
  }

  ExitCode run(Context& context) override {
    const GuestTargets found = targets(context);
    require_usable_together(found.devices.all, doing());
    if (found.vm_conflict) {
      throw *found.vm_conflict;
    }
    for (const GuestDevice& device : found.devices.all) {
      require_libvirt_can(device, display_ || ramfb_, doing());
      qemu_properties(device, "", {false, display_, ramfb_}, doing());  // refuses what QEMU would refuse
    }
    context.out = render::libvirt_hostdevs(found.devices, {display_, ramfb_});
    return ExitCode::done;
  }
};

class ExportNodedev final : public GuestExport {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override { declare_devices(app, kinds); }

  ExitCode run(Context& context) override {
    const GuestTargets found = targets(context, Facet::types | Facet::type_name | Facet::queues);
    for (const GuestDevice& device : found.devices.all) {
      if (device.kind == GuestDevice::Kind::function) {
        throw Error(
            ExitCode::failed,
            fmt::format("cannot export '{}': it is a virtual function{}, not a mediated device, so "
                        "libvirt does not define it",
                        printable(device.word()), device.vf.empty() ? "" : fmt::format(" ({})", device.vf)),
            "for the XML of a domain: mdevadm export libvirt " + shell_word(device.word()));
      }
      const Definition* stored = found.defined.find(device.uuid, device.parent);
      context.out += nodedev(context, found, device, stored);
    }
    return ExitCode::done;
  }

 private:
  static std::string nodedev(const Context& context, const GuestTargets& found, const GuestDevice& device,
                             const Definition* stored) {
    const Device* active = found.seen.find_device(device.uuid);
    Definition definition{.uuid = device.uuid, .parent = device.parent, .type = *TypeName::parse("-")};
    if (stored != nullptr) {
      definition = with_vf_as_parent(with_kernel_type(found.seen, *stored));
      warn_about_lost(context, *stored);
    } else if (device.type) {
      definition.type = *device.type;
      add_active_settings(context, device, active, definition);
    }
    if (active != nullptr && !active->vf.empty() && definition.parent == active->parent) {
      definition.parent =
          *ParentName::parse(active->vf.str());  // on a VF that the definition does not reserve
    }
    // A VF is on the same bus as its GPU.
    const Parent* parent = found.seen.find_parent(device.parent.str());
    const std::string path = parent != nullptr ? parent->path : "";
    return render::libvirt_nodedev(definition, libvirt_name(definition.parent.str(), path),
                                   found.devices.group);
  }

  // Of the attributes of an active device, the kernel reports the queues as they were set.
  static void add_active_settings(const Context& context, const GuestDevice& device, const Device* active,
                                  Definition& definition) {
    const std::string word = printable(device.word());
    if (active != nullptr && active->queues && !active->queues_unreadable) {
      definition.attributes = assignments_of(*active->queues);
    } else if (has_queues(device.type->str())) {
      throw Error(ExitCode::failed,
                  fmt::format("cannot export '{}': it is not defined, and its adapters and domains cannot be "
                              "read completely",
                              word));
    } else {
      context.messages().note(fmt::format(
          "'{}' is not defined; attributes that were set since it was created are not exported", word));
    }
  }

  static void warn_about_lost(const Context& context, const Definition& definition) {
    const auto warn = [&](const char* what) {
      context.messages().warning(fmt::format("{}: libvirt's XML cannot contain {}; not exported",
                                             identity_of(definition).quoted(), what));
    };
    if (definition.aggregate) {
      warn("the number of aggregated instances");
    }
    if (definition.create_args) {
      warn("create arguments");
    }
    if (definition.node) {
      warn("the ownership of nodes");
    }
  }
};

class ExportDot final : public Command {
 public:
  void declare(CLI::App&, ValueKinds&) override {}

  ExitCode run(Context& context) override {
    const Definitions defined = context.definitions_if_readable(FileProblems::summarized);
    const Groups groups = context.groups_if_readable(FileProblems::summarized);
    const Snapshot seen = context.observe(
        {Facet::devices | Facet::parents | Facet::parent_identity | Facet::holders | Facet::nodes,
         std::nullopt, std::nullopt});
    context.warn_of_unseen(seen);
    context.out = render::dot_graph(seen, defined, groups);
    return ExitCode::done;
  }
};

}  // namespace

std::unique_ptr<Command> make_export_qemu() {
  return std::make_unique<ExportQemu>();
}

std::unique_ptr<Command> make_export_libvirt() {
  return std::make_unique<ExportLibvirt>();
}

std::unique_ptr<Command> make_export_nodedev() {
  return std::make_unique<ExportNodedev>();
}

std::unique_ptr<Command> make_export_dot() {
  return std::make_unique<ExportDot>();
}

}  // namespace mdevadm::cli
