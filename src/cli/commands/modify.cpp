#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/model/drift.hpp>
#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/live.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

#include "../ap_options.hpp"
#include "../batch.hpp"
#include "../definition_options.hpp"
#include "../node_options.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class ModifyCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("device,-u,--uuid", word_, "UUID, unique UUID prefix, or name")->required(),
              ValueKind::defined_device);
    kinds.set(app.add_option("-p,--parent", parent_, "select the definition under this parent"),
              ValueKind::parent);
    auto* moved = kinds.set(app.add_option("--new-parent", new_parent_,
                                           "move the definition to this parent, e.g. when a card was moved "
                                           "to another slot"),
                            ValueKind::parent);
    auto* type = kinds.set(app.add_option("-t,--type", type_, "new type"), ValueKind::type);
    mode_.declare(app, true);
    options_.declare(app, kinds, true);
    queues_.declare(app, kinds, ApOptions::For::definition);
    node_.declare(app, kinds, "the device's", true);
    auto* deleted = kinds.set(
        app.add_option("--delete-attr", deleted_, "delete attribute, by name (all occurrences) or by number")
            ->allow_extra_args(false),
        ValueKind::attribute_selector);
    app.add_flag("--accept-abi", accept_abi_, "record the current guest ABI");
    auto* live =
        app.add_flag("--live", live_, "change the active device; without changes: apply the definition")
            ->excludes(type)
            ->excludes(moved)
            ->excludes(deleted);
    for (const char* fixed : {"--create-arg", "--aggregate", "--vf"}) {
      live->excludes(app.get_option(fixed));
    }
    auto* from_device = app.add_flag("--from-device", from_device_,
                                     "store the present settings of the active device in the definition");
    from_device->excludes(type)->excludes(moved)->excludes(deleted)->excludes(live);
    for (const char* other :
         {"--attr", "--create-arg", "--aggregate", "--vf", "--adapter", "--domain", "--control-domain",
          "--queue", "--node-owner", "--node-mode", "--selinux-label"}) {
      from_device->excludes(app.get_option(other));
    }
    app.add_flag("--config", config_, "change the definition, also with --live (default without it)");
    app.add_flag("--force", force_,
                 "accept a missing parent or type, and a call-out script that refuses; with --live: accept "
                 "queues that are not bound");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    ModifyRequest request = make_request();
    if (live_) {
      return run_live(context, std::move(request));
    }
    node_.note_unknown_accounts(context);
    Batch batch(change_, "modify");
    std::optional<sys::FileLock> lock = batch.lock_definitions(context);
    const Definitions defined = batch.load_definitions(context);
    const Snapshot devices = context.observe({Facet::devices, std::nullopt, std::nullopt});
    const std::string doing = fmt::format("cannot modify '{}'", printable(word_));
    Identity about{.argument = word_};
    try {
      batch.require_definitions(about);
      const Found found = find(devices, defined, doing);
      about = identity_of(found);
      const Definition& current = require_definition(found, doing);
      context.warn_about_file(defined, current);
      if (node_.any_given()) {
        request.node = node_.applied_to(current.node);
      }
      request.groups = has_queues(current.type.str()) ? context.groups() : Groups{};
      std::vector<ParentName> parents{current.parent};
      if (!new_parent_.empty()) {
        move(context, current, request);
        parents.push_back(*request.parent);
      }
      const Facet facets = from_device_ ? facets_to_modify_live
                                        : facets_to_define | facets_to_compare(current, current.node) |
                                              (request.node ? Facet::nodes : Facet::none);
      Snapshot seen = context.observe({facets, std::move(parents), std::nullopt});
      if (from_device_) {
        request = as_device(context, seen, current, std::move(request), doing);
      } else {
        read_settings(context, seen, current, request);
      }
      std::optional<Definition> after;
      batch.add(identity_of(current, word_), [&] {
        Job job = queues_.planned(seen, [&] { return plan_modify(seen, defined, current, request); });
        for (const Step& step : job.steps) {
          const auto* replaced = std::get_if<ReplaceDefinition>(&step.action);
          after = replaced != nullptr ? std::optional(replaced->after) : after;
        }
        return job;
      });
      if (const auto copy = after ? warning_of_copy(context, current, *after) : std::nullopt) {
        batch.add_warning_of_success(*copy);
      }
    } catch (const Error& refused) {
      const Error error = naming_group(context, refused, word_, "modify");
      batch.refuse(about, error);
    }
    return batch.finish(context, std::move(lock));
  }

 private:
  // mdevctl and libvirt continue to use the copy that an earlier export has made.
  static std::optional<std::string> warning_of_copy(Context& context, const Definition& before,
                                                    const Definition& after) {
    if (before.origin != Origin::mdevadm) {
      return std::nullopt;
    }
    const KeptConfigs theirs = context.store().load_configs({.parent = before.parent, .uuid = before.uuid});
    const StoredConfig* copy = theirs.find(before.uuid, before.parent);
    if (copy == nullptr || copy->config != config_of(before) || copy->config == config_of(after)) {
      return std::nullopt;
    }
    return fmt::format(
        "mdevctl's copy '{}' does not have this change; to write it again: mdevadm export "
        "mdevctl {} --force",
        context.store().path_of(*copy), shell_word(identity_of(after).word()));
  }

  // --parent selects a definition; users who want to change the parent may try it.
  Found find(const Snapshot& devices, const Definitions& defined, const std::string& doing) const {
    try {
      return resolve_device(word_, devices, defined, parent_option(parent_), doing);
    } catch (const Error& error) {
      if (parent_.empty() || error.code() != ExitCode::not_found) {
        throw;
      }
      const Found found = resolve_device(word_, devices, defined, std::nullopt, doing);
      if (found.definitions.size() != 1) {
        throw;
      }
      throw Error(error.code(), error.what(),
                  fmt::format("move the definition from {} to this parent: mdevadm modify {} --new-parent {}",
                              found.definitions.front()->parent.str(), shell_word(word_), parent_));
    }
  }

  void move(Context& context, const Definition& current, ModifyRequest& request) const {
    request.parent = parent_option(new_parent_);
    const auto& function = context.vf_as_parent();
    if (function && parent_.empty() && !request.function) {
      request.function = function;
    }
    const Groups groups = context.groups();
    if (const Group* group = groups.of(current)) {
      request.group = *group;
    }
  }

  // Reads which settings of the definition the active device has, and which of those that the change sets.
  static void read_settings(Context& context, Snapshot& seen, const Definition& current,
                            const ModifyRequest& request) {
    Definition wanted = current;
    for (const Attribute& added : request.add_attributes) {
      const bool is_there = std::any_of(wanted.attributes.begin(), wanted.attributes.end(),
                                        [&](const Attribute& one) { return one.name == added.name; });
      if (!is_there) {
        wanted.attributes.push_back(added);
      }
    }
    wanted.node = request.node.value_or(current.node);
    context.observe_settings_of(seen, {{&wanted, wanted.node}});
  }

  ModifyRequest as_device(Context& context, Snapshot& seen, const Definition& current, ModifyRequest request,
                          const std::string& doing) const {
    const Groups groups = context.groups();
    const Group* group = groups.of(current);
    const std::optional<NodePolicy> of_group = group != nullptr ? group->node : std::nullopt;
    context.observe_settings_of(seen, {{&current, node_policy_of(current, of_group)}});
    const Device* device = seen.find_device(current.uuid);
    if (device == nullptr || device->parent != current.parent) {
      throw Error(ExitCode::conflict,
                  fmt::format("{}: the device is not active, and --from-device stores the settings of active "
                              "devices",
                              doing),
                  "start it: mdevadm start " + shell_word(word_));
    }
    if (device->queues_unreadable) {
      throw Error(ExitCode::failed,
                  fmt::format("{}: the adapters and domains of the active device cannot be read", doing),
                  "change the definition with --adapter and --domain");
    }
    return as_active(seen, *device, current, of_group, std::move(request));
  }

  ExitCode run_live(Context& context, ModifyRequest request) {
    Batch batch(change_, "modify");
    const std::string doing = fmt::format("cannot modify '{}'", printable(word_));
    Identity about{.argument = word_};
    std::optional<sys::FileLock> lock;
    std::vector<sys::FileLock> parents;
    try {
      const Device device = active_device(context, about, doing);
      parents = batch.lock_parents(context, {device.parent});
      lock = config_ ? batch.lock_definitions(context) : std::nullopt;
      const Definitions defined = batch.load_definitions(context);
      batch.require_definitions(about);
      const Definition* definition = defined.find(device.uuid, device.parent);
      if (config_ && definition == nullptr) {
        if (const auto* broken = broken_definition(defined, device.uuid, device.parent)) {
          refuse_broken(*broken, doing);
        }
        throw Error(ExitCode::not_found,
                    fmt::format("{}: no definition exists (the device is active)", doing),
                    "create a definition of the device: mdevadm define " + shell_word(word_));
      }
      Snapshot seen = context.observe({facets_to_modify_live, std::vector{device.parent}, std::nullopt});
      LiveRequest live{find_users(context, seen, device, doing), definition, std::move(request)};
      live.node = node_.applied_to(std::nullopt);
      live.changes_definition = config_;
      live.forced = force_;
      live.claim = seen.claims.find(device.uuid);
      if (definition != nullptr) {
        context.warn_about_file(defined, *definition);
        const Groups groups = context.groups();
        live.change.groups = groups;
        const Group* group = groups.of(*definition);
        live.of_group = group != nullptr ? group->node : std::nullopt;
        if (node_.any_given()) {
          live.change.node = node_.applied_to(definition->node);
        }
      }
      read_values(context, seen, live);
      batch.add(about,
                [&] { return queues_.planned(seen, [&] { return plan_modify_live(seen, defined, live); }); });
    } catch (const Error& refused) {
      const Error error = naming_group(context, refused, word_, "modify");
      batch.refuse(about, error);
    }
    return batch.finish(context, std::move(lock));
  }

  // Returns the device that the argument means. Throws Error{conflict} if it is not active.
  Device active_device(Context& context, Identity& about, const std::string& doing) const {
    const Definitions defined = context.definitions();
    const Snapshot devices = context.observe({Facet::devices, std::nullopt, std::nullopt});
    const Found found = resolve_device(word_, devices, defined, parent_option(parent_), doing);
    about = identity_of(found);
    if (found.active == nullptr) {
      throw Error(ExitCode::conflict,
                  fmt::format("{}: the device is not active; --live requires an active device", doing),
                  "start it: mdevadm start " + shell_word(word_));
    }
    return *found.active;
  }

  // Returns the device in the snapshot, with the processes that use it: they matter for queues.
  static Device* find_users(Context& context, Snapshot& seen, const Device& device,
                            const std::string& doing) {
    const auto found = std::find_if(seen.devices.begin(), seen.devices.end(), [&](const Device& one) {
      return one.uuid == device.uuid && one.parent == device.parent;
    });
    if (found == seen.devices.end()) {
      throw Error(ExitCode::conflict, doing + ": removed by another process");
    }
    if (found->type && has_queues(found->type->str())) {
      context.host().find_users_of(*found);
    }
    return &*found;
  }

  // Reads the present values of the attributes that are compared or changed.
  static void read_values(Context& context, Snapshot& seen, const LiveRequest& live) {
    const Device& device = *live.device;
    Definition wanted{device.uuid, device.parent, device.type.value_or(*TypeName::parse("unknown"))};
    wanted.attributes = live.change.add_attributes;
    context.observe_settings_of(seen, {{&wanted, live.node}});
    if (live.definition != nullptr) {
      context.observe_settings_of(seen, {{live.definition, node_policy_of(*live.definition, live.of_group)}});
    }
  }

  bool changes_definition_only() const { return option_of_definition() != nullptr; }

  // Returns one of the given options that concern only the definition; nullptr: none is given.
  const char* option_of_definition() const {
    return options_.name_option->count() > 0      ? "--name"
           : mode_.mode() == StartMode::automatic ? "--auto"
           : mode_.mode()                         ? "--manual"
           : accept_abi_                          ? "--accept-abi"
                                                  : nullptr;
  }

  ModifyRequest make_request() const {
    ModifyRequest request;
    request.argument = word_;
    request.start = mode_.mode();
    request.type = type_option(type_);
    if (options_.name_option->count() > 0) {
      request.name = Label::parse(options_.name);
    }
    if (options_.aggregate) {
      request.aggregate = *options_.aggregate > 1 ? options_.aggregate : std::optional<std::uint64_t>{};
    }
    if (const auto create_args = options_.joined_create_args()) {
      request.create_args = create_args->empty() ? std::optional<std::string>{} : create_args;
    }
    if (options_.function_option->count() > 0) {
      request.function = FunctionName::parse(options_.function);
    }
    for (const std::string& text : deleted_) {
      if (const auto place = parse_decimal(text)) {
        request.delete_attributes.emplace_back(static_cast<std::size_t>(*place));
      } else {
        request.delete_attributes.emplace_back(*AttributeName::parse(text));
      }
    }
    request.add_attributes = parse_assignments(options_.attributes);
    request.queues = queues_.given();
    queues_.require_consistent(request.add_attributes);
    request.fits = force_ ? FitsHost::later : FitsHost::required;
    request.accept_abi = accept_abi_;
    const std::vector<std::string> instead{"to change only the definition: omit --live",
                                           "to change device and definition: --live --config"};
    if (live_ && !config_ && node_.removes()) {
      throw Error(ExitCode::usage,
                  "an empty owner, mode or label is not possible with --live: it removes the setting from "
                  "the definition",
                  instead);
    }
    if (live_ && !config_ && changes_definition_only()) {
      throw Error(ExitCode::usage,
                  fmt::format("{} is not possible with --live: it concerns only the definition",
                              option_of_definition()),
                  instead);
    }
    const bool any_change =
        options_.any_given() || queues_.any_given() || node_.any_given() || changes_definition_only();
    if (live_ && config_ && !any_change) {
      throw Error(ExitCode::usage,
                  "no change requested: with --live --config, device and definition get the same change",
                  std::vector{"apply the definition to the active device: mdevadm modify " +
                                  shell_word(word_) + " --live",
                              "store the settings of the device in the definition: mdevadm modify " +
                                  shell_word(word_) + " --from-device"});
    }
    if (!live_ && !from_device_ && new_parent_.empty() && !request.start && !request.type &&
        !options_.any_given() && !request.queues.any() && !node_.any_given() && deleted_.empty() &&
        !accept_abi_) {
      throw Error(ExitCode::usage, "no change requested", "list the options: mdevadm help modify");
    }
    return request;
  }

  std::string word_;
  std::string parent_;
  std::string new_parent_;
  std::string type_;
  StartModeOptions mode_;
  DefinitionOptions options_;
  ApOptions queues_;
  NodeOptions node_;
  std::vector<std::string> deleted_;
  bool accept_abi_ = false;
  bool live_ = false;
  bool config_ = false;
  bool from_device_ = false;
  bool force_ = false;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_modify() {
  return std::make_unique<ModifyCommand>();
}

}  // namespace mdevadm::cli
