#include <mdevadm/plan/start.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/abi.hpp>
#include <mdevadm/plan/active.hpp>
#include <mdevadm/plan/attributes.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/placements.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "start_draft.hpp"

namespace mdevadm {

// Throws Error{conflict} if the active device is not the one that the definition describes.
void StartPlanner::require_same(const Device& active, const Draft& draft) const {
  const Definition& wanted = draft.wanted;
  if (active.parent != wanted.parent) {
    throw Error(ExitCode::conflict,
                fmt::format("{}: a device with this UUID is active on {}", draft.doing, active.parent.str()),
                "stop that one first: mdevadm stop " + shell_word(draft.job.about.word()));
  }
  const bool same = !active.type || means_type(draft.parent, wanted.type, *active.type);
  if (!same) {
    throw Error(ExitCode::conflict,
                fmt::format("{}: already active with type {} ({}: {})", draft.doing, active.type->str(),
                            options_.transient ? "requested" : "definition", wanted.type.str()),
                options_.transient
                    ? "stop it first: mdevadm stop " + shell_word(draft.job.about.word())
                    : "apply the definition: mdevadm restart " + shell_word(draft.job.about.word()));
  }
  if (options_.transient && active.type && !active.unfinished) {
    try {
      require_as_requested(active, draft.wanted, draft.job.about);
    } catch (const Error& error) {
      throw error.reworded(fmt::format("{}: {}", draft.doing, error.what()));
    }
  }
}

// Returns whether the device is started from a definition that exists.
bool StartPlanner::is_defined(const Definition& wanted) const {
  return !options_.transient &&
         (options_.defined == nullptr || options_.defined->find(wanted.uuid, wanted.parent) != nullptr);
}

Facet facets_to_start(const Definition& wanted) {
  Facet facets = Facet::devices | Facet::types | Facet::available | Facet::online | Facet::peers;
  // A definition that was written before the driver was loaded may have the vendor's name of the type.
  facets |= Facet::type_name;
  if (has_queues(wanted.type.str())) {
    facets |= queue_facets;
  }
  if (wanted.aggregate) {
    facets |= Facet::aggregation | Facet::description;
  }
  facets |= facets_to_compare(wanted, wanted.node);
  if (wanted.abi) {
    facets |= abi_facets;
  }
  return facets;
}

StartPlanner::StartPlanner(const Snapshot& seen, StartOptions options)
    : seen_(seen), options_(std::move(options)) {}

Job StartPlanner::plan(const Definition& wanted, const std::string& argument, const std::string& addition) {
  const Parent* parent = seen_.find_parent(wanted.parent.str());
  const Identity about = identity_of(wanted, argument);
  Draft draft{
      .wanted = wanted,
      .parent = parent,
      .job = {fmt::format("start {}{}", about.quoted(), addition), about, wanted.parent.str()},
      .doing = {},
      .device = {.uuid = wanted.uuid, .parent = wanted.parent},
      .staged = options_.in_stages,
  };
  draft.doing = fmt::format("cannot {} {}{}", options_.verb,
                            options_.unnamed ? unnamed_device(wanted) : about.quoted(), addition);
  draft.units = wanted.aggregate.value_or(1);
  if (parent != nullptr) {
    draft.staged |= parent->capabilities.online || parent->capabilities.kernel_groups != Support::no;
    const Type* type = resolve_type(*parent, wanted.type.str());
    draft.type = type != nullptr ? std::optional(*type) : std::nullopt;
    draft.arguments = arguments_for(draft);
  }
  if (const Device* active = seen_.find_device(wanted.uuid)) {
    require_same(*active, draft);
    plan_active(*active, draft);
    return std::move(draft.job);
  }
  require_removed(draft);
  require_vacant(draft);
  require_offered_type(draft);
  require_startable(draft);
  note_for_creation(draft);
  add_creation(draft);
  add_settings(draft);
  add_sharing(draft);
  add_online(draft);
  add_ending(draft);
  add_reservation(draft);
  draft.notify_scripts();
  return std::move(draft.job);
}

// Throws Error{in_use} if an earlier device with this UUID is still being removed.
void StartPlanner::require_removed(const Draft& draft) const {
  if (seen_.find_removing(draft.wanted.uuid) != nullptr) {
    // The processes that use it have not been searched: most starts do not need them.
    throw Error(
        ExitCode::in_use,
        fmt::format("{}: an earlier device with this UUID is still being removed; the kernel "
                    "completes that when no process uses the device",
                    draft.doing),
        fmt::format(
            "wait for the removal, and show the processes that use the device: mdevadm stop {} --timeout 60",
            shell_word(identity_of(draft.wanted).word())));
  }
}

// Throws Error if the parent does not offer the type, but another form or state of it explains why.
void StartPlanner::require_offered_type(const Draft& draft) const {
  const Definition& wanted = draft.wanted;
  if (draft.parent == nullptr || draft.type) {
    return;
  }
  if (const Type* now = renumbered_type(*draft.parent, wanted)) {
    throw Error(ExitCode::not_found,
                fmt::format("{}: {} has no type '{}' now", draft.doing, wanted.parent.str(),
                            printable(wanted.type.str())),
                advice_to_renumber(wanted, *now));
  }
  if (const auto type = recorded_type(*draft.parent, wanted);
      type && why_unavailable(seen_, *draft.parent, *type)) {
    throw capacity_error(seen_, *draft.parent, *type, draft.units, draft.doing);
  }
}

// Determines the type. Throws Error if the parent cannot create the device now.
void StartPlanner::require_startable(Draft& draft) const {
  const Definition& wanted = draft.wanted;
  // A driver may have given the number to another type, so this precedes the instances.
  const bool is_checked = draft.type.has_value();
  if (is_checked) {
    check_abi(draft);
  }
  // Only a stored definition can be moved to another parent.
  draft.type = options_.transient ? require_type(seen_, wanted.parent, wanted.type, draft.doing)
                                  : require_type(seen_, wanted, draft.doing);
  draft.job.about.type = draft.type->id.str();
  const auto require_instances = [&] {
    if (draft.type->available && *draft.type->available < draft.units) {
      throw capacity_error(seen_, *draft.parent, with_recorded_name(*draft.type, wanted), draft.units,
                           draft.doing);
    }
  };
  // For aggregating types check the available instances before the limit: some interfaces report no limit but
  // the number of available instances.
  if (draft.type->most_units) {
    require_instances();
  }
  require_capabilities(*draft.parent, *draft.type, wanted, draft.doing,
                       options_.transient
                           ? "omit --vf"
                           : fmt::format("remove the setting from the definition: mdevadm modify {} --vf ''",
                                         shell_word(draft.job.about.word())));
  require_instances();
  if (!is_checked) {
    check_abi(draft);
  }
  require_settable(
      wanted.attributes, {}, draft.doing,
      options_.defined != nullptr ? options_.defined->find(wanted.uuid, wanted.parent) : nullptr);
}

// Adds notes and warnings. Throws Error if queues of the device are not free.
void StartPlanner::note_for_creation(Draft& draft) {
  const Identity& about = draft.job.about;
  if (draft.type->hidden) {
    draft.job.notes.push_back(
        fmt::format("{}: the driver does not list type {} now, but may accept it (mixed sizes)",
                    about.quoted(), draft.type->id.str()));
  }
  if (!options_.bare && has_queues(draft.wanted.type.str())) {
    for (const std::string& warning :
         require_free_queues(seen_, options_.defined, planned_, draft.wanted, draft.doing)) {
      draft.job.warnings.push_back(fmt::format("{}: {}", about.quoted(), warning));
    }
    planned_.push_back(draft.wanted);
  }
}

// Leaves an active device unchanged if its start is complete. Otherwise completes the start: the process that
// began it is dead, or it would still hold the parent lock.
void StartPlanner::plan_active(const Device& active, Draft& draft) {
  draft.device = active;
  if (!active.type && (draft.parent == nullptr || draft.parent->capabilities.reports_type)) {
    draft.device.type = draft.type ? draft.type->id : draft.wanted.type;
    // Another process is creating the device.
    draft.add(making, AwaitDevice{draft.device, creation_patience});
    return;
  }
  if (active.unfinished) {
    add_settings(draft);
    // The process that began the start was killed before it ran the post scripts.
    draft.notify_scripts();
  }
  add_sharing(draft);
  if (active.unfinished || active.online == false) {
    add_online(draft);
    add_ending(draft);
  }
  if (draft.job.steps.empty()) {
    draft.job.notes.push_back(note_of_active(active, is_defined(draft.wanted) ? &draft.wanted : nullptr,
                                             node_for(draft), draft.job.about));
  }
}

void StartPlanner::check_abi(Draft& draft) const {
  if (!draft.wanted.abi) {
    return;
  }
  const Abi now = pins_of(*draft.parent, *draft.type);
  if (options_.accept_abi) {
    Definition after = draft.wanted;
    after.abi = now;
    if (after != draft.wanted) {
      draft.add(ending, ReplaceDefinition{draft.wanted, after}, ReplaceDefinition{after, draft.wanted});
    }
    return;
  }
  for (const std::string& text : require_same_abi(*draft.parent, *draft.type, draft.wanted, draft.doing)) {
    draft.job.warnings.push_back(
        fmt::format("{}: differs from the definition: {}", draft.job.about.quoted(), text));
  }
  const std::string* version = find_pin(*draft.wanted.abi, "migration_version");
  if (version != nullptr && draft.type->migration_version) {
    draft.add(making, CheckMigration{draft.wanted.parent, draft.type->id, *version});
  }
}

void StartPlanner::add_creation(Draft& draft) {
  const Capabilities& can = draft.parent->capabilities;
  draft.device.type = draft.type->id;
  draft.device.vf = can.functions ? *names_.insert(function_for(draft)).first : std::string{};
  draft.device.name = can.named_by_function ? draft.device.vf.str() : name_for(draft);
  draft.device.path = path_for(draft);
  const Definition& wanted = draft.wanted;
  const bool shares =
      options_.sharing != Sharing::off && options_.set.size() > 1 && can.kernel_groups != Support::no;
  // Write a record if steps remain after the creation, or if sysfs does not report the name or the type: a
  // later start needs them if this process is killed.
  if (!can.reports_type || !draft.device.name.empty() || can.online || !wanted.attributes.empty() ||
      draft.units > 1 || node_for(draft) || shares) {
    draft.add(making, KeepRecord{record_of(draft, false)}, DropRecord{wanted.uuid});
  }
  for (const Attribute& attribute : wanted.attributes) {
    if (const auto name = attribute_of_type(attribute)) {
      draft.add(making, WriteTypeAttribute{wanted.parent, draft.type->id, {*name, attribute.value}});
    }
  }
  draft.add(making,
            CreateDevice{.what = {.uuid = wanted.uuid,
                                  .parent = wanted.parent,
                                  .type = draft.type->id,
                                  .name = draft.device.name,
                                  .vf = draft.device.vf,
                                  .units = draft.units,
                                  .arguments = draft.arguments,
                                  .beside = leader_for(draft),
                                  .needs_group = options_.sharing == Sharing::required,
                                  .hidden = draft.type->hidden,
                                  .type_name = draft.type->name.value_or(""),
                                  .bare = options_.bare},
                         .requested = options_.transient ? std::optional(wanted) : std::nullopt,
                         .defined = is_defined(wanted) ? std::optional(wanted) : std::nullopt,
                         .node = node_for(draft),
                         .others = other_functions_for(draft)},
            RemoveDevice{draft.device, removal_patience});
}

// Adds steps without undo actions: removing the device discards its settings.
void StartPlanner::add_settings(Draft& draft) const {
  if (draft.units > 1) {
    draft.add(making, Aggregate{draft.device, draft.units});
  }
  if (!options_.bare && options_.defined != nullptr) {
    if (auto avoid = placements_to_avoid(seen_, *options_.defined, draft.wanted, draft.device)) {
      draft.add(making, *std::move(avoid));
    }
  }
  std::vector<Attribute> all = draft.wanted.attributes;
  std::erase_if(all, [](const Attribute& one) { return attribute_of_type(one).has_value(); });
  for (auto next = all.begin(); next != all.end();) {
    const auto end = std::find_if_not(next, all.end(), assigns_queue);
    if (end - next > 1 && !options_.bare) {
      draft.add(making, AssignQueues{draft.device, {next, end}});
      next = end;
    } else {
      draft.add(making, WriteAttribute{draft.device, *next++, options_.bare});
    }
  }
}

void StartPlanner::add_sharing(Draft& draft) const {
  if (options_.sharing == Sharing::off || options_.set.size() < 2) {
    return;
  }
  if (draft.parent == nullptr || draft.parent->capabilities.kernel_groups == Support::no) {
    if (options_.sharing == Sharing::required) {
      throw Error(ExitCode::failed,
                  fmt::format("{}: peer-to-peer sharing is not supported by parent {}", draft.doing,
                              draft.wanted.parent.str()),
                  "share only where supported with --p2p auto");
    }
    return;
  }
  const Uuid peers = peers_of_set();
  if (draft.device.peers == peers) {
    return;
  }
  draft.add(sharing, JoinPeers{draft.device, peers, leader_for(draft), options_.sharing == Sharing::required},
            draft.device.peers ? std::optional<Action>(JoinPeers{draft.device, *draft.device.peers})
                               : std::nullopt);
}

void StartPlanner::add_online(Draft& draft) {
  const Capabilities can = draft.parent != nullptr ? draft.parent->capabilities : Capabilities{};
  // One write brings all devices of a virtual machine online: only the first planned job contains it.
  const std::string whose = vm_of(draft.device);
  if (can.online && (!can.online_together || going_online_.insert(whose).second)) {
    draft.add(going_online, SetOnline{draft.device, true}, SetOnline{draft.device, false});
  }
}

void StartPlanner::add_ending(Draft& draft) const {
  const bool made_here = std::any_of(draft.job.steps.begin(), draft.job.steps.end(), [](const Step& step) {
    return std::holds_alternative<CreateDevice>(step.action);
  });
  if (!options_.bare) {
    draft.add(ending, AwaitDevice{draft.device, creation_patience, made_here});
  }
  if (const std::optional<NodePolicy> policy = node_for(draft)) {
    draft.add(ending, OwnNode{draft.device, *policy});
  }
  const bool has_record = std::any_of(draft.job.steps.begin(), draft.job.steps.end(), [](const Step& step) {
    return std::holds_alternative<KeepRecord>(step.action);
  });
  if (has_record || draft.device.unfinished) {
    draft.add(ending, KeepRecord{record_of(draft, true), true});
  }
}

Record StartPlanner::record_of(const Draft& draft, bool finished) {
  return {draft.wanted.uuid, draft.wanted.parent, draft.device.type.value_or(draft.wanted.type),
          draft.device.name, finished};
}

std::optional<NodePolicy> StartPlanner::node_for(const Draft& draft) const {
  return node_policy_of(draft.wanted, options_.node);
}

// Returns the kernel name of the device; empty if that is its UUID.
std::string StartPlanner::name_for(const Draft& draft) {
  const Capabilities& can = draft.parent->capabilities;
  const auto is_taken = [&](const std::string& name) {
    return names_.contains(name) ||
           std::any_of(seen_.devices.begin(), seen_.devices.end(),
                       [&](const Device& device) { return device.kernel_name() == name; });
  };
  if (can.numbered) {
    const std::string owner = vm_in(draft.arguments.value_or("")).value_or(draft.wanted.uuid.str());
    unsigned number = 0;
    while (is_taken(fmt::format("{}-{}", owner, number))) {
      ++number;
    }
    return *names_.insert(fmt::format("{}-{}", owner, number)).first;
  }
  return {};
}

// Returns the directory in which the device will be.
std::string StartPlanner::path_for(const Draft& draft) {
  const std::string name = draft.device.kernel_name();
  for (const Function& function : draft.parent->functions) {
    if (function.address == draft.device.vf) {
      return draft.device.name == draft.device.vf ? function.path : fmt::format("{}/{}", function.path, name);
    }
  }
  return fmt::format("{}/{}", draft.parent->home, name);
}

std::string StartPlanner::vm_of(const Device& device) {
  const std::string name = device.kernel_name();
  return name.substr(0, name.rfind('-'));
}

// Returns the device whose IOMMU group the new device joins at creation: an active member of the set on the
// same parent, or one that is started before it.
std::optional<Device> StartPlanner::leader_for(const Draft& draft) const {
  if (options_.sharing == Sharing::off || draft.parent->capabilities.kernel_groups == Support::no) {
    return std::nullopt;
  }
  const auto could_lead = [&](const Definition& member) {
    return member.parent == draft.wanted.parent && member.uuid != draft.wanted.uuid;
  };
  for (const Definition& member : options_.set) {
    const Device* active = could_lead(member) ? seen_.find_device(member.uuid) : nullptr;
    if (active != nullptr && active->parent == member.parent) {
      return *active;
    }
  }
  for (const Definition& member : options_.set) {
    if (member.uuid == draft.wanted.uuid) {
      break;
    }
    if (could_lead(member)) {
      return Device{.uuid = member.uuid,
                    .parent = member.parent,
                    .type = member.type,
                    .path = fmt::format("{}/{}", draft.parent->home, member.uuid.str())};
    }
  }
  return std::nullopt;
}

// Returns the value that active members have already, so that they need no change.
Uuid StartPlanner::peers_of_set() const {
  for (const Definition& member : options_.set) {
    const Device* active = seen_.find_device(member.uuid);
    if (active != nullptr && active->peers) {
      return *active->peers;
    }
  }
  return options_.peers;
}

std::optional<std::string> StartPlanner::arguments_for(const Draft& draft) const {
  const std::optional<std::string>& given = draft.wanted.create_args;
  if (!options_.vm || draft.parent->capabilities.create_arguments != Support::yes) {
    return given;
  }
  const std::string vm = options_.vm->str();
  const std::optional<std::string> own = vm_in(given.value_or(""));
  if (own && Uuid::parse(*own) != options_.vm) {
    throw Error(ExitCode::conflict,
                fmt::format("{}: create_args vm_uuid={} conflicts with the group's vm_uuid {}", draft.doing,
                            printable(*own), vm),
                fmt::format("remove vm_uuid from create_args in the definition, or change that of the group: "
                            "mdevadm group modify GROUP --vm-uuid {}",
                            shell_word(*own)));
  }
  return own ? given
             : std::optional(given ? fmt::format("{},{}{}", *given, vm_argument, vm)
                                   : fmt::format("{}{}", vm_argument, vm));
}

}  // namespace mdevadm
