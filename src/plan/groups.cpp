#include <mdevadm/plan/groups.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/plan/start_order.hpp>
#include <mdevadm/plan/start_set.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

Job group_job(const std::string& verb, const Group& group) {
  return {fmt::format("{} group '{}'", verb, group.name.str()), identity_of(group)};
}

void require_free_members(const Groups& groups, const Group& group, const Definitions& defined,
                          const std::string& doing) {
  for (const Group& other : groups.all) {
    for (const Member& member : group.members) {
      const bool taken = other.name != group.name &&
                         std::find(other.members.begin(), other.members.end(), member) != other.members.end();
      if (taken) {
        const std::vector<const Definition*> found = defined.find(member.uuid);
        const Identity about =
            found.size() == 1 ? identity_of(*found.front()) : Identity{.name = member.str()};
        throw Error(
            ExitCode::conflict,
            fmt::format("{}: {} is already a member of group '{}'", doing, about.quoted(), other.name.str()),
            fmt::format("remove it first: mdevadm group remove {} {}", shell_word(other.name.str()),
                        shell_word(about.word())));
      }
    }
  }
}

void require_free_name(const Groups& groups, const GroupName& name, const std::string& doing) {
  if (groups.find(name.str()) != nullptr) {
    throw Error(ExitCode::conflict, fmt::format("{}: group '{}' already exists", doing, name.str()));
  }
}

// Returns the groups after one of this name was added or changed.
Groups with(Groups groups, const Group& group) {
  std::erase_if(groups.all, [&](const Group& one) { return one.name == group.name; });
  groups.all.push_back(group);
  return groups;
}

// Throws Error{no_capacity} for the first member that does not fit after those before it have been counted.
void require_capacity(const Snapshot& seen, const std::vector<const Definition*>& members,
                      const std::string& doing) {
  StartSet set(seen);
  for (const Definition* member : members) {
    set.add(*member, fmt::format("{}: member {}", doing, identity_of(*member).quoted()),
            "other members of the group");
  }
}

std::vector<const Device*> active_members(const Snapshot& seen, const Group& group) {
  std::vector<const Device*> active;
  for (const Member& member : group.members) {
    const Device* device = seen.find_device(member.uuid);
    if (device != nullptr && (!member.parent || *member.parent == device->parent)) {
      active.push_back(device);
    }
  }
  return active;
}

// Adds "'seat1' is claimed for 'vm1'" if the device is claimed.
void add_claim(const Snapshot& seen, const Device& device, const Definitions& defined,
               std::vector<std::string>& texts) {
  if (const Claim* claim = seen.claims.find(device.uuid)) {
    const Identity about = identity_of(device, defined.find(device.uuid, device.parent));
    texts.push_back(fmt::format("{} is {}", about.quoted(), claim->str()));
  }
}

// Adds the hints for members that are claimed. `detach` has no option that ends claims.
void add_advice_to_release(const Group& group, StopRequest::Part part_of, std::vector<std::string>& hints) {
  const std::string name = shell_word(group.name.str());
  hints.push_back(fmt::format("release the claimed members: mdevadm release {} --all", name));
  if (part_of == StopRequest::Part::stop) {
    hints.push_back(fmt::format("stop the members and end the claims: mdevadm group stop {} --force", name));
  }
}

// Returns the definitions of the members in the order of the group, without the members that have none.
std::vector<const Definition*> defined_members(const Group& group, const Definitions& defined) {
  std::vector<const Definition*> result;
  for (const Member& member : group.members) {
    for (const Definition* definition : defined.find(member.uuid)) {
      if (member.means(*definition)) {
        result.push_back(definition);
      }
    }
  }
  return result;
}

}  // namespace

const Group& require_group(const Groups& groups, const std::string& name, std::string_view doing) {
  const Group* group = groups.find(name);
  if (group == nullptr) {
    for (const FileProblem& broken : groups.broken) {
      if (broken.path.ends_with("/" + name + ".toml")) {
        refuse_broken(broken, std::string(doing), "the file of the group");
      }
    }
    const std::string meant = did_you_mean(name, groups.names());
    throw Error(ExitCode::not_found, fmt::format("{}: no group with this name", doing),
                meant.empty() ? "list groups: mdevadm group list" : meant);
  }
  return *group;
}

Job plan_group_create(const Groups& groups, const Group& group, const Definitions& defined) {
  Job job = group_job("create", group);
  const std::string doing = "cannot " + job.goal;
  require_free_name(groups, group.name, doing);
  require_free_members(groups, group, defined, doing);
  require_own_queues_at_boot(defined, groups, with(groups, group), doing);
  job.steps.push_back({AddGroup{group}, RemoveGroup{group}});
  return job;
}

Job plan_group_change(const Groups& groups, const Group& before, const Group& after,
                      const Definitions& defined) {
  Job job = group_job("change", before);
  require_free_members(groups, after, defined, "cannot " + job.goal);
  require_own_queues_at_boot(defined, groups, with(groups, after), "cannot " + job.goal);
  if (before == after) {
    job.notes.push_back(fmt::format("group '{}' is unchanged", before.name.str()));
  } else {
    job.steps.push_back({ReplaceGroup{before, after}, ReplaceGroup{after, before}});
  }
  return job;
}

Job plan_group_rename(const Groups& groups, const Group& group, const GroupName& to) {
  Job job = group_job("rename", group);
  require_free_name(groups, to, "cannot " + job.goal);
  Group renamed = group;
  renamed.name = to;
  job.steps.push_back({RenameGroup{group, to}, RenameGroup{renamed, group.name}});
  return job;
}

Job plan_group_delete(const Group& group) {
  Job job = group_job("delete", group);
  job.steps.push_back({RemoveGroup{group}, AddGroup{group}});
  return job;
}

std::optional<std::string> several_vfio_ap(const Group& group, const Definitions& defined) {
  std::vector<std::string> names;
  for (const Definition* definition : defined_members(group, defined)) {
    if (has_queues(definition->type.str())) {
      names.push_back(identity_of(*definition).quoted());
    }
  }
  if (names.size() < 2) {
    return std::nullopt;
  }
  return fmt::format(
      "{} members of the group are vfio-ap devices ({}); a virtual machine can have only one, so the group "
      "can only be a pool (mdevadm claim)",
      names.size(), join(names, ", "));
}

bool is_of_one_machine(const Group& group, const Definitions& defined) {
  const std::vector<const Definition*> members = defined_members(group, defined);
  return group.vm || group.sharing == Sharing::required ||
         std::any_of(members.begin(), members.end(),
                     [&](const Definition* one) { return one->type != members.front()->type; });
}

std::string command_to_undefine(const std::string& word, const Definition& definition, const Groups& groups) {
  return fmt::format("mdevadm undefine {}{}", shell_word(word),
                     groups.of(definition) != nullptr ? " --force" : "");
}

std::vector<const Definition*> members_of(const Group& group, const Definitions& defined,
                                          const std::string& doing) {
  if (group.members.empty()) {
    throw Error(ExitCode::failed, fmt::format("{}: the group has no members", doing),
                fmt::format("add members: mdevadm group add {} DEVICE...", shell_word(group.name.str())));
  }
  std::vector<const Definition*> result;
  for (const Member& member : group.members) {
    std::vector<const Definition*> found = defined.find(member.uuid);
    std::erase_if(found, [&](const Definition* one) { return !member.means(*one); });
    if (found.empty()) {
      if (const FileProblem* broken = broken_definition(defined, member.uuid, member.parent)) {
        refuse_broken(*broken, fmt::format("{}: member '{}'", doing, member.str()));
      }
      throw Error(
          ExitCode::not_found,
          fmt::format("{}: member '{}'{} is not defined", doing, member.str(),
                      member.line > 0 ? fmt::format(" (line {} of the group's file)", member.line) : ""),
          fmt::format("define it, or remove it from the group: mdevadm group remove {} {}",
                      shell_word(group.name.str()), member.str()));
    }
    if (found.size() > 1) {
      throw Error(ExitCode::conflict,
                  fmt::format("{}: member '{}' is defined under several parents", doing, member.str()),
                  fmt::format("name one of them in the group's file: \"{}/{}\"", found.front()->parent.str(),
                              member.uuid.str()));
    }
    result.push_back(found.front());
  }
  return result;
}

Plan plan_group_start(const Snapshot& seen, const Group& group, const Definitions& defined,
                      const GroupStartOptions& options) {
  const std::string doing = fmt::format("cannot start group '{}'", group.name.str());
  const std::vector<const Definition*> members = members_of(group, defined, doing);
  Plan plan{.bond = Bond::all_or_none};
  StartOptions together{.in_stages = true, .accept_abi = options.accept_abi, .sharing = group.sharing};
  together.peers = options.peers;
  together.vm = group.vm;
  together.node = group.node;
  together.defined = &defined;
  for (const Definition* member : members) {
    together.set.push_back(*member);
  }
  sort_for_start(seen, together.set);
  const std::vector<Definition> sorted = together.set;
  StartPlanner planner(seen, std::move(together));
  for (const Definition& member : sorted) {
    plan.jobs.push_back(planner.plan(member, {}, fmt::format(" of group '{}'", group.name.str())));
  }
  require_capacity(seen, members, doing);
  return plan;
}

Plan plan_group_stop(const Snapshot& seen, const Group& group, const Definitions& defined,
                     const GroupStopOptions& options) {
  Plan plan{.backwards = true};
  const std::vector<const Device*> active = active_members(seen, group);
  std::vector<Uuid> together;
  std::vector<std::string> used;
  std::vector<Holder> holders;
  std::vector<std::string> claimed;
  bool can_force = true;
  for (const Device* device : active) {
    together.push_back(device->uuid);
    can_force &= !device->busy || can_force_removal(*device);
    if (!device->busy) {
      add_claim(seen, *device, defined, claimed);
    } else {
      const Identity about = identity_of(*device, defined.find(device->uuid, device->parent));
      used.push_back(fmt::format("{} is in use by {}", about.quoted(), describe(device->holders)));
      holders.insert(holders.end(), device->holders.begin(), device->holders.end());
    }
  }
  if ((!used.empty() || !claimed.empty()) && !options.force) {
    std::vector<std::string> hints;
    if (!used.empty()) {
      hints.push_back("no device was stopped; " +
                      advice_for_use(options.part_of, options.deadline.has_value(), can_force));
    }
    if (!claimed.empty()) {
      add_advice_to_release(group, options.part_of, hints);
    }
    used.insert(used.end(), claimed.begin(), claimed.end());
    throw Error(ExitCode::in_use,
                fmt::format("cannot stop group '{}': {}", group.name.str(), join(used, "; ")), hints)
        .held_by(holders);
  }
  for (const Member& member : group.members) {
    const auto device = std::find_if(active.begin(), active.end(),
                                     [&](const Device* one) { return one->uuid == member.uuid; });
    if (device == active.end() && !is_lost(seen, member.uuid)) {
      continue;
    }
    const ParentName lane = device != active.end() ? (*device)->parent : *ParentName::parse("none");
    const Identity about = device != active.end() ? identity_of(**device, defined.find(member.uuid, lane))
                                                  : Identity{.uuid = member.uuid};
    StopRequest request{about, {}, options.force};
    request.deadline = options.deadline;
    request.part_of = options.part_of;
    request.waiting_command = fmt::format("mdevadm group stop {} --timeout 30", shell_word(group.name.str()));
    Job job = plan_stop(seen, request, lane, together);
    job.goal += fmt::format(" of group '{}'", group.name.str());
    plan.jobs.push_back(std::move(job));
  }
  return plan;
}

Plan plan_group_release(const Snapshot& seen, const Group& group, const Definitions& defined,
                        std::chrono::milliseconds patience, bool force) {
  Plan plan{.bond = Bond::all_or_none};
  const std::vector<const Device*> active = active_members(seen, group);
  std::vector<std::string> claimed;
  for (const Device* device : active) {
    add_claim(seen, *device, defined, claimed);
  }
  if (!claimed.empty() && !force) {
    std::vector<std::string> hints;
    add_advice_to_release(group, StopRequest::Part::stop, hints);
    throw Error(ExitCode::in_use,
                fmt::format("cannot stop group '{}': {}", group.name.str(), join(claimed, "; ")), hints);
  }
  for (const Device* device : active) {
    if (device->busy) {
      const Identity about = identity_of(*device, defined.find(device->uuid, device->parent));
      Job job = plan_release(seen, *device, {about, patience, force});
      std::get<AwaitRelease>(job.steps.front().action).advice =
          "no device was stopped; " +
          advice_for_use(StopRequest::Part::stop, true, can_force_removal(*device));
      job.goal += fmt::format(" of group '{}'", group.name.str());
      plan.jobs.push_back(std::move(job));
    }
  }
  return plan;
}

}  // namespace mdevadm
