#include <mdevadm/plan/definitions.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include <mdevadm/plan/abi.hpp>
#include <mdevadm/plan/adopt.hpp>
#include <mdevadm/plan/attributes.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/plan/drift_advice.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/overcommitment.hpp>
#include <mdevadm/plan/placements.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "move.hpp"

namespace mdevadm {

namespace {

Job job_for(const std::string& verb, const Definition& definition, const std::string& argument) {
  const Identity about = identity_of(definition, argument);
  return {fmt::format("{} {}", verb, about.quoted()), about, definition.parent.str()};
}

Definitions without(Definitions defined, const Definition& one) {
  std::erase_if(defined.all, [&](const Definition& other) {
    return other.uuid == one.uuid && other.parent == one.parent;
  });
  return defined;
}

void require_free_name(const Definitions& defined, const Definition& wanted, const std::string& doing) {
  if (!wanted.name) {
    return;
  }
  const Definition* owner = defined.find_label(*wanted.name);
  if (owner != nullptr && (owner->uuid != wanted.uuid || owner->parent != wanted.parent)) {
    throw Error(ExitCode::conflict, fmt::format("{}: the name '{}' is already used by {} under {}", doing,
                                                wanted.name->str(), owner->uuid.str(), owner->parent.str()));
  }
}

// Returns whether the name is that of a device that is not a parent for the reason of one of these findings.
template <typename Ids>
bool is_explained_by(const Snapshot& seen, const ParentName& name, const Ids& ids) {
  const std::vector<Finding> findings = why_no_parent(seen, name.str());
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return std::find(ids.begin(), ids.end(), finding.id) != ids.end();
  });
}

// Crypto cards and queues, and mediated devices, are no parents on any host.
constexpr std::array findings_of_no_parents{"ap-queue", "mdev-device"};

// Returns whether a parent or type that is missing can appear when a driver is loaded.
bool may_come(const Snapshot& seen, const ParentName& name) {
  if (const Parent* parent = seen.find_parent(name.str())) {
    return parent->types.empty() || parent->capabilities.types_vanish;
  }
  constexpr std::array of_subchannels{"css-type", "css-qdio"};
  return !number_of_parent(seen, name.str()) && !is_explained_by(seen, name, findings_of_no_parents) &&
         !is_explained_by(seen, name, of_subchannels);
}

// Throws Error{not_found} for a device that can never be a parent.
void require_possible_parent(const Snapshot& seen, const ParentName& name, const std::string& doing) {
  if (seen.find_parent(name.str()) == nullptr && is_explained_by(seen, name, findings_of_no_parents)) {
    throw unknown_parent(seen, name.str(), doing);
  }
}

// Throws Error{not_found} for a parent that is written as the kernel never names it.
void require_whole_number(const Definition& wanted, const std::string& doing) {
  if (const auto subchannel = abbreviated_subchannel(wanted)) {
    throw Error(
        ExitCode::not_found,
        fmt::format("{}: subchannel '{}' must be written {}", doing, wanted.parent.str(), *subchannel),
        "specify the parent as " + *subchannel);
  }
}

// Returns the definition with the resolved type and the recorded guest ABI. Fails now if the host would
// refuse the definition at start. `can_force`: the command can store it nevertheless, and has options for the
// settings; a description has keys.
Definition fitted(const Snapshot& seen, Definition wanted, const std::string& doing, bool can_force = true) {
  try {
    const Parent* found = seen.find_parent(wanted.parent.str());
    // A type that is not listed now can be created later.
    const Type* known = found != nullptr ? resolve_type(*found, wanted.type.str()) : nullptr;
    const Type type = known != nullptr ? *known : require_type(seen, wanted.parent, wanted.type, doing);
    const Parent& parent = *seen.find_parent(wanted.parent.str());
    require_capabilities(parent, type, wanted, doing, can_force ? "omit --vf" : "omit the key vf");
    wanted.type = type.id;
    const Abi abi = pins_of(parent, type);
    wanted.abi = abi.empty() ? std::nullopt : std::optional(abi);
  } catch (const Error& error) {
    const bool is_missing = error.code() == ExitCode::not_found && may_come(seen, wanted.parent);
    if (!can_force || (!is_missing && error.code() != ExitCode::no_capacity)) {
      throw;
    }
    const auto subchannel = abbreviated_subchannel(wanted);
    throw error.with_hint(
        subchannel
            ? fmt::format("if the subchannel does not exist yet, use --force and the parent {}", *subchannel)
            : std::string(is_missing
                              ? "use --force if the driver is not loaded yet"
                              : "store the definition although the type cannot be created now: --force"));
  }
  return wanted;
}

// Throws Error{usage} if crypto queues are set for a type without them. A vendor's name can be that of any
// type.
void require_queue_type(bool sets_queues, const TypeName& type, const std::string& doing) {
  const bool is_id = type.str().find(' ') == std::string::npos;
  if (sets_queues && is_id && !has_queues(type.str())) {
    throw Error(ExitCode::usage, fmt::format("{}: devices of type '{}' have no crypto queues (expected "
                                             "vfio_ap-passthrough)",
                                             doing, printable(type.str())));
  }
}

void delete_attributes(std::vector<Attribute>& attributes, const std::vector<AttributeSelector>& selectors,
                       const Identity& about, const std::string& doing) {
  std::vector<bool> doomed(attributes.size(), false);
  for (const AttributeSelector& selector : selectors) {
    if (const auto* place = std::get_if<std::size_t>(&selector)) {
      if (*place < 1 || *place > attributes.size()) {
        throw Error(ExitCode::not_found, fmt::format("{}: attribute number {} out of range", doing, *place),
                    fmt::format("number of attributes in the definition: {}; list them: mdevadm show {}",
                                attributes.size(), shell_word(about.word())));
      }
      doomed[*place - 1] = true;
      continue;
    }
    const AttributeName& name = std::get<AttributeName>(selector);
    bool found = false;
    for (std::size_t i = 0; i < attributes.size(); ++i) {
      if (attributes[i].name == name) {
        doomed[i] = found = true;
      }
    }
    if (!found) {
      throw Error(ExitCode::not_found,
                  fmt::format("{}: no attribute '{}' in the definition", doing, name.str()));
    }
  }
  std::size_t i = 0;
  std::erase_if(attributes, [&](const Attribute&) { return doomed[i++]; });
}

Definition changed(const Definition& current, const ModifyRequest& request, const std::string& doing) {
  Definition after = current;
  after.start = request.start.value_or(current.start);
  after.type = request.type.value_or(current.type);
  after.name = request.name.value_or(current.name);
  after.aggregate = request.aggregate.value_or(current.aggregate);
  after.create_args = request.create_args.value_or(current.create_args);
  after.function = request.function.value_or(current.function);
  after.node = request.node.value_or(current.node);
  for (const Attribute& replacement : request.replace_attributes) {
    const auto same = [&](const Attribute& one) { return one.name == replacement.name; };
    std::replace_if(after.attributes.begin(), after.attributes.end(), same, replacement);
  }
  delete_attributes(after.attributes, request.delete_attributes, identity_of(current), doing);
  after.attributes.insert(after.attributes.end(), request.add_attributes.begin(),
                          request.add_attributes.end());
  if (request.queues.any()) {
    require_replaced(after, request.queues, doing);
  }
  after.attributes = changed_attributes(std::move(after.attributes), request.queues);
  if (after.queue_table) {
    after.attributes = in_table_form(std::move(after.attributes));
  }
  return after;
}

// Throws Error{abi_differs} if the recorded guest ABI is not that of another parent's type.
void require_recorded_abi(const Abi& recorded, const Abi& now, const std::string& doing) {
  std::vector<std::string> changes;
  for (const AbiDifference& difference : compare_abi(recorded, now)) {
    if (difference.changes_guest) {
      changes.push_back(difference.text);
    }
  }
  if (!changes.empty()) {
    throw Error(ExitCode::abi_differs,
                fmt::format("{}: guest ABI differs from the definition: {}", doing, join(changes, "; ")),
                "accept the new ABI with --accept-abi");
  }
}

// Returns the event for mdevctl's scripts.
HookEvent hooks_for(HookAction action, const Definition& about) {
  return {.action = action, .about = about, .own = about.origin == Origin::mdevadm};
}

void warn_of_place(const Snapshot& seen, const Definition& wanted, Job& job) {
  if (const std::string doubt = doubt_of_function(seen, wanted); !doubt.empty()) {
    job.warnings.push_back(fmt::format("{}: {}", job.about.quoted(), doubt));
  }
}

// The definitions and groups beside a definition that is added or changed.
struct Others {
  const Definitions& defined;
  const Groups& groups;  // with the definition as a member
};

// Adds warnings about queues or instances that the device may not get; throws Error{conflict} if it cannot
// get the queues.
void check_resources(const Snapshot& seen, const Others& others, const Definition& wanted,
                     const std::string& doing, Job& job) {
  require_nvidia_directory(seen, wanted, doing);
  if (const auto excluded = mig_exclusion(seen, wanted)) {
    job.warnings.push_back(fmt::format("{}: {}", job.about.quoted(), *excluded));
  }
  if (const auto shared = overcommitment(seen, others.defined, wanted)) {
    job.warnings.push_back(fmt::format("{}: {}", job.about.quoted(), *shared));
  }
  for (const std::string& warning :
       check_defined_queues(seen, others.defined, others.groups, wanted, doing)) {
    job.warnings.push_back(fmt::format("{}: {}", job.about.quoted(), warning));
  }
}

struct NumberRules {
  const std::vector<Attribute>& before;  // numbers in these are accepted
  FitsHost fits = FitsHost::required;
  bool can_force = true;
};

// Adds warnings about adapters and domains that the machine cannot have; throws Error{failed} if the
// definition must fit the host, unless it had them `before`.
void check_numbers(const Snapshot& seen, const Definition& wanted, const NumberRules& rules, Job& job) {
  if (!has_queues(wanted.type.str())) {
    return;
  }
  const ApMatrix had = assigned_by(rules.before);
  for (const MissingNumbers& impossible : impossible_numbers(seen, assigned_by(wanted.attributes))) {
    if (rules.fits == FitsHost::required && (impossible.numbers & ~had.of(impossible.kind)).any()) {
      throw Error(ExitCode::failed, fmt::format("cannot {}: {}", job.goal, impossible.text),
                  rules.can_force ? "if the definition is for another machine, use --force" : "");
    }
    job.warnings.push_back(
        fmt::format("{}: {}, so the device cannot be started", job.about.quoted(), impossible.text));
  }
}

// Files of definitions are TOML, and therefore UTF-8. Throws Error{usage} if a text is not.
void require_utf8(const Definition& wanted, const std::string& doing) {
  const auto require = [&](std::string_view what, std::string_view text) {
    if (!is_utf8(text)) {
      throw Error(ExitCode::usage,
                  fmt::format("{}: the {} '{}' is not valid UTF-8", doing, what, printable(text)));
    }
  };
  require("type", wanted.type.str());
  require("name", wanted.name ? wanted.name->str() : "");
  require("create argument", wanted.create_args.value_or(""));
  for (const Attribute& attribute : wanted.attributes) {
    require("attribute", attribute.name.str());
    require("value", attribute.value);
  }
  const NodePolicy node = wanted.node.value_or(NodePolicy{});
  require("owner", node.owner.value_or(""));
  require("group", node.group.value_or(""));
  require("SELinux label", node.selinux_label.value_or(""));
}

// Warns of settings that an export omits.
void warn_of_lost_settings(const Definition& exported, Job& job) {
  std::vector<std::string> keys = beyond_config(exported);
  // Not of the ABI and the mark of apply, which the user has not set.
  std::erase(keys, "abi");
  std::erase(keys, "applied_by");
  if (!keys.empty()) {
    job.warnings.push_back(
        fmt::format("{}: settings not exported, because mdevctl's format cannot represent them: {}",
                    job.about.quoted(), join(keys, ", ")));
  }
}

}  // namespace

Job plan_define(const Snapshot& seen, const Definitions& defined, const DefineRequest& request) {
  Definition wanted = request.wanted;
  Job job = job_for(request.verb, wanted, request.argument);
  const std::string doing = fmt::format(
      "cannot {}", request.unnamed ? fmt::format("{} {}", request.verb, unnamed_device(wanted)) : job.goal);
  require_utf8(wanted, doing);
  if (const Definition* stored = defined.find(wanted.uuid, wanted.parent)) {
    throw Error(
        ExitCode::conflict, fmt::format("{}: already defined under {}", doing, wanted.parent.str()),
        std::vector{
            fmt::format("show the definition: mdevadm show {}", shell_word(identity_of(*stored).word())),
            fmt::format("change it: mdevadm modify {} OPTION...", shell_word(identity_of(*stored).word())),
            fmt::format("remove it: mdevadm undefine {}", shell_word(identity_of(*stored).word()))});
  }
  // A definition of mdevctl that cannot be used is replaced by one of mdevadm.
  const FileProblem* broken = broken_definition(defined, wanted.uuid, wanted.parent);
  if (broken != nullptr && broken->path.ends_with(".toml")) {
    throw Error(ExitCode::conflict,
                fmt::format("{}: its definition cannot be used: {}", doing, broken->str()),
                "fix or remove the file");
  }
  require_free_name(defined, wanted, doing);
  job.hooks = hooks_for(HookAction::define, wanted);
  job.hooks->can_force = request.can_force;
  job.hooks->forced = request.fits == FitsHost::later;
  require_possible_parent(seen, wanted.parent, doing);
  if (request.fits == FitsHost::later) {
    require_whole_number(wanted, doing);
  } else {
    const Definition fitting = fitted(seen, wanted, doing, request.can_force);
    job.about.type = fitting.type.str();
    job.hooks->about.type = fitting.type;
    require_free_function(seen, defined, fitting, doing);
    warn_of_place(seen, fitting, job);
    // The text of a file written by the user is stored unchanged.
    if (!request.text) {
      wanted = fitting;
      if (const auto place = function_for(seen, defined, wanted, doing)) {
        wanted.function = place;
      }
    }
  }
  require_queue_type(wanted.queue_table, wanted.type, doing);
  require_settable(wanted.attributes, {}, doing);
  check_numbers(seen, wanted, {{}, request.fits, request.can_force}, job);
  Groups groups = request.groups;
  std::optional<Group> joined = request.joins;
  if (joined) {
    // If other parents define this UUID too, the member needs the parent to be unambiguous.
    joined->members.push_back(
        {wanted.uuid, defined.find(wanted.uuid).empty() ? std::nullopt : std::optional(wanted.parent)});
    std::erase_if(groups.all, [&](const Group& group) { return group.name == joined->name; });
    groups.all.push_back(*joined);
  }
  check_resources(seen, {defined, groups}, wanted, doing, job);
  job.steps.push_back({AddDefinition{wanted, request.text}, RemoveDefinition{wanted}});
  if (const Device* active = seen.find_device(wanted.uuid);
      active != nullptr && active->unmanaged && active->parent == wanted.parent) {
    add_record(*active, wanted, job);
  }
  if (joined) {
    job.steps.push_back({ReplaceGroup{*request.joins, *joined}, ReplaceGroup{*joined, *request.joins}});
  }
  return job;
}

Plan plan_define_all(const Snapshot& seen, Definitions defined, std::vector<DefineRequest> requests) {
  Plan plan{.bond = Bond::all_or_none};
  for (DefineRequest& request : requests) {
    if (request.joins && !plan.jobs.empty()) {
      request.joins = std::get<ReplaceGroup>(plan.jobs.back().steps.back().action).after;
    }
    Job job = plan_define(seen, defined, request);
    // The steps change the same group, one after the other.
    job.lane = plan.jobs.empty() ? job.lane : plan.jobs.front().lane;
    defined.all.push_back(std::get<AddDefinition>(job.steps.front().action).definition);
    plan.jobs.push_back(std::move(job));
  }
  return plan;
}

Job plan_modify(const Snapshot& seen, const Definitions& defined, const Definition& current,
                const ModifyRequest& request) {
  Job job = job_for("modify", current, request.argument);
  const std::string doing = "cannot " + job.goal;
  Definition after = changed(current, request, doing);
  require_utf8(after, doing);
  require_queue_type(request.queues.any(), after.type, doing);
  const bool moves = request.parent && *request.parent != current.parent;
  if (moves) {
    require_movable(seen, defined, current, *request.parent, doing);
    require_possible_parent(seen, *request.parent, doing);
    after = moved(seen, without(defined, current), std::move(after), request, doing);
    if (request.fits == FitsHost::later) {
      require_whole_number(after, doing);
    }
  }
  require_settable(after.attributes, current.attributes, doing);
  if (after == current && !request.accept_abi) {
    job.notes.push_back(job.about.quoted() + " is unchanged");
    return job;
  }
  require_free_name(without(defined, current), after, doing);
  const bool shape_changes = moves || after.type != current.type || after.aggregate != current.aggregate ||
                             after.create_args != current.create_args || after.function != current.function;
  if ((shape_changes || request.accept_abi) && request.fits == FitsHost::required) {
    const Definition fitting = fitted(seen, after, doing);
    if (moves || after.function != current.function) {
      require_free_function(seen, defined, after, doing);
      warn_of_place(seen, after, job);
    }
    // Parents of another interface spell the same type differently.
    const bool is_other_type =
        moves ? request.type.has_value() : after.type != current.type && fitting.type != current.type;
    if (moves && !is_other_type && !request.accept_abi && current.abi) {
      require_recorded_abi(*current.abi, fitting.abi.value_or(Abi{}), doing);
    }
    if (moves || after.type != current.type) {
      after.type = fitting.type;
    }
    const bool pins_anew = request.accept_abi || (current.abi && is_other_type);
    after.abi = pins_anew ? fitting.abi : current.abi;
  }
  if (after == current) {
    job.notes.push_back(job.about.quoted() + " is unchanged");
    return job;
  }
  if (moves || after.type != current.type || after.attributes != current.attributes ||
      after.start != current.start) {
    check_numbers(seen, after, {current.attributes, request.fits, true}, job);
    check_resources(seen, {without(defined, current), request.groups}, after, doing, job);
  }
  const Device* active = seen.find_device(current.uuid);
  if (active != nullptr && active->parent == current.parent && !request.from_device) {
    if (auto note = note_on_active(seen, *active, current, after, job.about)) {
      job.notes.push_back(*std::move(note));
    }
  }
  job.steps.push_back({ReplaceDefinition{current, after}, ReplaceDefinition{after, current}});
  if (moves && request.group) {
    follow_in_group(*request.group, current, after, job);
  }
  job.hooks = hooks_for(HookAction::modify, after);
  job.hooks->forced = request.fits == FitsHost::later;
  return job;
}

Job plan_replace(const Snapshot& seen, const Definitions& defined, const Definition& current,
                 Definition after) {
  Job job = job_for("modify", current, {});
  const std::string doing = "cannot " + job.goal;
  const bool moves = after.parent != current.parent;
  if (moves) {
    require_movable(seen, defined, current, after.parent, doing);
    require_possible_parent(seen, after.parent, doing);
    ModifyRequest request{};
    request.parent = after.parent;
    request.function = after.function ? std::optional(after.function) : std::nullopt;
    after = moved(seen, defined, std::move(after), request, doing);
  }
  require_free_name(defined, after, doing);
  const bool shape_changes = moves || after.type != current.type || after.aggregate != current.aggregate ||
                             after.create_args != current.create_args || after.function != current.function;
  if (shape_changes) {
    const Definition fitting = fitted(seen, after, doing, false);  // only apply replaces definitions
    if (moves || after.function != current.function) {
      require_free_function(seen, defined, after, doing);
      warn_of_place(seen, after, job);
    }
    const bool is_other_type = moves || after.type != current.type;
    after.abi = current.abi && is_other_type ? fitting.abi : current.abi;
    after.type = is_other_type ? fitting.type : after.type;
  }
  require_queue_type(after.queue_table, after.type, doing);
  require_settable(after.attributes, current.attributes, doing);
  if (moves || after.attributes != current.attributes || after.start != current.start) {
    check_numbers(seen, after, {current.attributes, FitsHost::required, false}, job);
    check_resources(seen, {defined, {}}, after, doing, job);
  }
  job.steps.push_back({ReplaceDefinition{current, after}, ReplaceDefinition{after, current}});
  job.hooks = hooks_for(HookAction::modify, after);
  job.hooks->can_force = false;
  return job;
}

Job plan_import(const StoredConfig& stored, const Definitions& defined, bool moved) {
  const Identity about{stored.uuid, {}, {}, stored.parent.str(), stored.config.type};
  Job job{"import " + about.quoted(), about, stored.parent.str()};
  const Definition* there = defined.find(stored.uuid, stored.parent);
  const bool is_ours = there != nullptr && there->origin == Origin::mdevadm;
  if (is_ours && config_of(*there) == stored.config) {
    if (moved) {
      job.steps.push_back({RemoveConfig{stored}, WriteConfig{stored}});
    } else {
      job.notes.push_back(about.quoted() + " is unchanged");
    }
    return job;
  }
  if (is_ours) {
    throw Error(ExitCode::conflict,
                fmt::format("cannot {}: already defined under {}", job.goal, stored.parent.str()),
                fmt::format("remove the existing definition first: mdevadm undefine {}",
                            shell_word(identity_of(*there).word())));
  }
  ConfigReading reading = definition_of(stored);
  if (!reading.definition) {
    throw Error(ExitCode::failed, fmt::format("cannot {}: {}", job.goal, reading.refusal));
  }
  reading.definition->origin = Origin::mdevadm;
  job.steps.push_back(
      {AddDefinition{*reading.definition, std::nullopt}, RemoveDefinition{*reading.definition}});
  if (moved) {
    job.steps.push_back({RemoveConfig{stored}, WriteConfig{stored}});
  }
  for (const Finding& finding : unusable_attributes(*reading.definition)) {
    job.warnings.push_back(fmt::format("{}: {}", about.quoted(), finding.what));
  }
  for (const std::string& doubt : doubts_about_queues(*reading.definition)) {
    job.warnings.push_back(fmt::format("{}: {}", about.quoted(), doubt));
  }
  if (!stored.unknown.empty()) {
    job.warnings.push_back(
        fmt::format("{}: ignoring unknown key {}", about.quoted(), printable(join(stored.unknown, ", "))));
  }
  return job;
}

Job plan_export(const Definition& original, const KeptConfigs& theirs, bool over,
                const std::string& argument) {
  Job job = job_for("export", original, argument);
  // The types of mediated devices on virtual functions begin with the name of their driver.
  if (original.function && parse_decimal(original.type.str())) {
    throw Error(ExitCode::failed,
                fmt::format("cannot {}: it is a virtual function, not a mediated device, so mdevctl cannot "
                            "start it",
                            job.goal),
                "to describe it in a file: mdevadm export host");
  }
  const Definition definition = with_vf_as_parent(original);
  StoredConfig stored{definition.uuid, definition.parent, config_of(definition)};
  const StoredConfig* there = theirs.find(stored.uuid, stored.parent);
  warn_of_lost_settings(definition, job);
  if (there != nullptr && there->config == stored.config) {
    job.notes.push_back(job.about.quoted() + " is unchanged");
    return job;
  }
  if (theirs.has(stored.uuid, stored.parent) && !over) {
    throw Error(ExitCode::conflict,
                fmt::format("cannot {}: mdevctl has a different definition of it under {}", job.goal,
                            stored.parent.str()),
                "overwrite it with --force");
  }
  stored.file = there != nullptr ? there->file : "";
  job.steps.push_back(
      {WriteConfig{stored}, there != nullptr ? Action(WriteConfig{*there}) : Action(RemoveConfig{stored})});
  return job;
}

Job plan_undefine(const Definition& definition, const Groups& groups, bool from_group,
                  const std::string& argument, const Device* active) {
  Job job = job_for("undefine", definition, argument);
  if (active != nullptr && active->parent == definition.parent) {
    job.notes.push_back(
        fmt::format("{} is active and remains so without its definition; to stop it: mdevadm stop {}",
                    job.about.quoted(), definition.uuid.str()));
  }
  for (const FileProblem& broken : groups.broken) {
    job.warnings.push_back(
        fmt::format("{}: a group may still have the device as a member, because the file of the group cannot "
                    "be used: {}; when the file is fixed, mdevadm check reports such a member",
                    job.about.quoted(), broken.str()));
  }
  if (const Group* group = groups.of(definition)) {
    if (!from_group) {
      throw Error(ExitCode::conflict,
                  fmt::format("cannot {}: it is a member of group '{}'", job.goal, group->name.str()),
                  "remove it from the group as well with --force");
    }
  }
  job.steps.push_back({RemoveDefinition{definition}, AddDefinition{definition, std::nullopt}});
  job.hooks = hooks_for(HookAction::undefine, definition);
  job.hooks->forced = from_group;
  if (const Group* group = groups.of(definition)) {
    const auto member = std::find_if(group->members.begin(), group->members.end(),
                                     [&](const Member& one) { return one.means(definition); });
    job.steps.push_back({LeaveGroup{group->name, *member}, std::nullopt});
  }
  return job;
}

}  // namespace mdevadm
