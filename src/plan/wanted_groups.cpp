#include "wanted_groups.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/plan/start_order.hpp>
#include <mdevadm/util/text.hpp>
#include <optional>
#include <string>

#include "unusable_file.hpp"

namespace mdevadm {

namespace {

class GroupSearch {
 public:
  GroupSearch(const ApplyInput& input, const std::vector<DeviceEntry>& tables,
              const std::vector<WantedDevice>& devices, const Pruned& pruned, ApplyPlan& plan)
      : input_(input), tables_(tables), devices_(devices), pruned_(pruned), plan_(plan) {}

  std::vector<WantedGroup> find() {
    for (const GroupEntry& entry : input_.file.groups) {
      const std::string& name = entry.group.name.str();
      if (const FileProblem* broken = find_unusable(input_.groups.broken, "groups", name)) {
        plan_.problems.push_back(problem_of(*broken, entry.where, fmt::format("group '{}': its file", name)));
      }
      WantedGroup group{entry.group, input_.groups.find(name)};
      for (const GroupMember& member : entry.members) {
        add_members(group, member);
      }
      if (group.current != nullptr) {
        group.after.applied_by = group.current->applied_by;
        keep_notation(group);
      } else {
        group.after.applied_by = space();
      }
      groups_.push_back(std::move(group));
    }
    require_one_group();
    require_own_queues();
    return std::move(groups_);
  }

 private:
  Uuid space() const { return input_.file.space_or_default(); }

  void problem(const FilePosition& where, ExitCode code, const std::string& message,
               const std::vector<std::string>& hints = {}) {
    plan_.problems.push_back({{where.path, where.line, where.column, message}, code, hints});
  }

  // Reports devices that would be members of two groups, described or not.
  void require_one_group() {
    std::map<Uuid, std::string> owners;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const std::string& name = groups_[i].after.name.str();
      for (const Member& member : groups_[i].after.members) {
        const auto [owner, is_new] = owners.try_emplace(member.uuid, name);
        if (!is_new && owner->second != name && !member.parent) {
          problem(place_of(i, member), ExitCode::conflict,
                  fmt::format("'{}' is a member of the groups '{}' and '{}'", word_of(member), owner->second,
                              name));
        }
      }
      for (const Group& other : input_.groups.all) {
        if (!is_described(other) && !pruned_.has(other)) {
          require_apart(i, other);
        }
      }
    }
  }

  bool is_described(const Group& group) const {
    return std::any_of(groups_.begin(), groups_.end(),
                       [&](const WantedGroup& one) { return one.after.name == group.name; });
  }

  // Reports members of a group that another one, which is not described, has already.
  void require_apart(std::size_t number, const Group& other) {
    const Group& group = groups_[number].after;
    std::vector<std::string> names;
    std::vector<std::string> words;
    FilePosition where;
    for (const Member& member : group.members) {
      const auto is_it = [&](const Member& one) {
        return one.uuid == member.uuid && (!one.parent || !member.parent || one.parent == member.parent);
      };
      if (std::any_of(other.members.begin(), other.members.end(), is_it)) {
        where = names.empty() ? place_of(number, member) : where;
        names.push_back(fmt::format("'{}'", word_of(member)));
        words.push_back(shell_word(member.uuid.str()));
      }
    }
    if (names.empty()) {
      return;
    }
    const std::string& name = other.name.str();
    std::vector<std::string> hints{fmt::format("remove them from '{}': mdevadm group remove {} {}", name,
                                               shell_word(name), join(words, " "))};
    if (other.applied_by == space() && input_.groups.find(group.name.str()) == nullptr) {
      hints.push_back(fmt::format("if the group has a new name: mdevadm group rename {} {}", shell_word(name),
                                  shell_word(group.name.str())));
    }
    problem(where, ExitCode::conflict,
            fmt::format("group '{}': in group '{}' already, which is not described: {}", group.name.str(),
                        name, join(names, ", ")),
            hints);
  }

  // Returns the definitions and groups when the plan is carried out.
  Definitions definitions_after() const {
    Definitions after;
    std::copy_if(input_.defined.all.begin(), input_.defined.all.end(), std::back_inserter(after.all),
                 [&](const Definition& definition) {
                   return !pruned_.has(definition) &&
                          std::none_of(devices_.begin(), devices_.end(), [&](const WantedDevice& device) {
                            return device.current == &definition;
                          });
                 });
    for (const WantedDevice& device : devices_) {
      if (device.placed && !device.refused) {
        after.all.push_back(device.wanted);
      } else if (device.current != nullptr) {
        after.all.push_back(*device.current);
      }
    }
    return after;
  }

  Groups groups_after() const {
    Groups after;
    std::transform(groups_.begin(), groups_.end(), std::back_inserter(after.all),
                   [](const WantedGroup& group) { return group.after; });
    std::copy_if(input_.groups.all.begin(), input_.groups.all.end(), std::back_inserter(after.all),
                 [&](const Group& group) { return !is_described(group) && !pruned_.has(group); });
    return after;
  }

  // Reports devices with the same crypto queue that the description makes start at boot, at least one of them
  // with its group: those with autostart of their own are refused already.
  void require_own_queues() {
    const Definitions defined = definitions_after();
    for (const QueuesAtBoot& shared :
         more_shared_at_boot(queues_shared_at_boot(defined, groups_after()),
                             queues_shared_at_boot(input_.defined, input_.groups))) {
      if (shared.first->start == StartMode::automatic && shared.second->start == StartMode::automatic) {
        continue;
      }
      const bool is_first = shared.second->start == StartMode::automatic;
      const Definition& member = is_first ? *shared.first : *shared.second;
      const Definition& other = is_first ? *shared.second : *shared.first;
      problem(place_of_start(member, other), ExitCode::conflict,
              fmt::format("'{}' is started with its group: {}", printable(identity_of(member).word()),
                          shared_at_boot(shared.queues, identity_of(other).word())),
              {"change the queues of one of them, or set the start of its group or device to \"manual\""});
    }
  }

  // Returns the position of the member of a described group, or else of the device that is described.
  FilePosition place_of_start(const Definition& member, const Definition& other) const {
    for (const Definition* one : {&member, &other}) {
      for (std::size_t i = 0; i < groups_.size(); ++i) {
        if (groups_[i].after.start == StartMode::automatic && groups_[i].after.has(*one)) {
          return place_of(i, {one->uuid});
        }
      }
    }
    const auto described = std::find_if(devices_.begin(), devices_.end(), [&](const WantedDevice& device) {
      return device.uuid == member.uuid || device.uuid == other.uuid;
    });
    return described != devices_.end() ? described->entry->where : FilePosition{};
  }

  // Returns the position of the element of the description that means the member of a described group.
  FilePosition place_of(std::size_t group, const Member& member) const {
    const auto place = places_.find({group, member.uuid});
    return place != places_.end() ? place->second : input_.file.groups[group].where;
  }

  // Returns the name of a member, or what the group's file has.
  std::string word_of(const Member& member) const {
    for (const WantedDevice& device : devices_) {
      if (device.uuid == member.uuid && !device.name.empty()) {
        return printable(device.name);
      }
    }
    for (const Definition* definition : input_.defined.find(member.uuid)) {
      return printable(identity_of(*definition).word());
    }
    return member.str();
  }

  // Returns whether the member is the name of a table, or matches it.
  bool is_table(const std::string& text) const {
    return std::any_of(tables_.begin(), tables_.end(), [&](const DeviceEntry& table) {
      return !table.name.empty() &&
             (table.name == text || ::fnmatch(text.c_str(), table.name.c_str(), 0) == 0);
    });
  }

  // Returns whether a member may mean a device of a table that could not be read, or not completely.
  bool may_be_unread(const std::string& text, const std::optional<Member>& written) const {
    const auto may_be_of = [&](const DeviceEntry& table) {
      return !table.complete &&
             (!table.knows("name") || table.may_have_name(text) ||
              ::fnmatch(text.c_str(), table.name_of(1).c_str(), 0) == 0 || (written && !table.knows("uuid")));
    };
    return input_.file.unread.devices || (written && input_.file.unread.space) ||
           std::any_of(input_.file.devices.begin(), input_.file.devices.end(), may_be_of);
  }

  // Returns whether a member means a definition that the description does not contain: by name, UUID or shell
  // pattern. Names and UUIDs that are described mean only what is described.
  bool means_other(const GroupMember& member, const std::optional<Member>& written, bool is_known,
                   const Definition& definition) const {
    const auto is_it = [&](const WantedDevice& device) {
      return device.uuid == definition.uuid && (!device.placed || device.wanted.parent == definition.parent);
    };
    if (std::any_of(devices_.begin(), devices_.end(), is_it)) {
      return false;
    }
    const std::string name = definition.name ? definition.name->str() : "";
    const bool is_meant = (!name.empty() && name == member.text) || (written && written->means(definition));
    const bool matches = !name.empty() && member.text.find_first_of("*?[") != std::string::npos &&
                         ::fnmatch(member.text.c_str(), name.c_str(), 0) == 0;
    return (is_meant && !is_known) || (matches && !pruned_.has(definition));
  }

  void add_members(WantedGroup& group, const GroupMember& member) {
    const std::size_t before = group.after.members.size();
    const auto written = Member::parse(member.text);
    bool is_known = is_table(member.text);
    for (const WantedDevice& device : devices_) {
      const bool is_named =
          !device.name.empty() && (device.name == member.text || device.entry->name == member.text ||
                                   (!device.entry->pattern.empty() && device.entry->pattern == member.text) ||
                                   ::fnmatch(member.text.c_str(), device.name.c_str(), 0) == 0);
      const bool is_meant = written && written->uuid == device.uuid &&
                            (!written->parent || !device.placed || *written->parent == device.wanted.parent);
      if (is_named || is_meant) {
        is_known = true;
        // What is refused is a member if it is defined; otherwise a later run adds it.
        if (!device.refused || device.current != nullptr) {
          add_member(group, member, device.uuid, written ? written->parent : std::nullopt);
        }
      }
    }
    // Definitions that the description does not contain may be members.
    const bool is_described = is_known;
    for (const Definition& definition : input_.defined.all) {
      if (means_other(member, written, is_described, definition)) {
        is_known = true;
        add_member(group, member, definition.uuid, written ? written->parent : std::nullopt);
      }
    }
    // The group has it already, and its definition does not exist.
    if (!is_known && written && group.current != nullptr &&
        std::find(group.current->members.begin(), group.current->members.end(), *written) !=
            group.current->members.end()) {
      is_known = true;
      group.after.members.push_back(*written);
    }
    if (!is_known && !may_be_unread(member.text, written)) {
      std::vector<std::string> names;
      for (const WantedDevice& device : devices_) {
        names.push_back(device.name);
      }
      const std::string meant = did_you_mean(member.text, names);
      problem(member.where, ExitCode::not_found,
              fmt::format("group '{}': no device '{}' is described or defined", group.after.name.str(),
                          printable(member.text)),
              meant.empty() ? std::vector<std::string>{} : std::vector{meant});
    } else if (is_known && before == group.after.members.size() && written && !is_refused(*written)) {
      problem(member.where, ExitCode::usage,
              fmt::format("group '{}': '{}' is a member twice", group.after.name.str(), member.text));
    }
  }

  bool is_refused(const Member& member) const {
    return std::any_of(devices_.begin(), devices_.end(), [&](const WantedDevice& device) {
      return device.refused && device.uuid == member.uuid;
    });
  }

  void add_member(WantedGroup& group, const GroupMember& as_written, const Uuid& uuid,
                  const std::optional<ParentName>& parent) {
    const bool is_there =
        std::any_of(group.after.members.begin(), group.after.members.end(),
                    [&](const Member& one) { return one.uuid == uuid && (!parent || one.parent == parent); });
    if (!is_there) {
      group.after.members.push_back({uuid, parent});
      places_.try_emplace({groups_.size(), uuid}, as_written.where);
    }
  }

  // Keeps the members as the group's file has them, if they mean the same.
  void keep_notation(WantedGroup& group) const {
    const std::vector<Member>& now = group.current->members;
    const bool same = std::equal(now.begin(), now.end(), group.after.members.begin(),
                                 group.after.members.end(), [&](const Member& a, const Member& b) {
                                   const bool alone = input_.defined.find(a.uuid).size() <= 1;
                                   return a == b || (a.uuid == b.uuid && alone);
                                 });
    if (same) {
      group.after.members = now;
    }
  }

  const ApplyInput& input_;
  const std::vector<DeviceEntry>& tables_;
  const std::vector<WantedDevice>& devices_;
  const Pruned& pruned_;
  ApplyPlan& plan_;
  std::vector<WantedGroup> groups_{};
  // By number of the described group and UUID of the member.
  std::map<std::pair<std::size_t, Uuid>, FilePosition> places_{};
};

}  // namespace

namespace {

void refuse_undecided(const std::vector<FileProblem>& unusable, const char* kind, ApplyPlan& plan) {
  for (const FileProblem& broken : unusable) {
    const std::string why = fmt::format("cannot decide whether to remove a {}: {}", kind, broken.str());
    plan.refused.push_back(
        {{.argument = broken.path}, Error(ExitCode::failed, why, "fix or remove the file")});
  }
}

}  // namespace

Pruned find_pruned(const ApplyInput& input, const ApplyOptions& options, WantedDevices& devices,
                   const UnstoppedDevices& unstopped, ApplyPlan& plan) {
  const Uuid space = input.file.space_or_default();
  // What could not be read may describe any definition, and be the reason to stop or move its device.
  const std::vector<DeviceEntry>& entries = input.file.devices;
  const bool may_be_described = input.file.unread.devices || input.file.unread.space ||
                                std::any_of(entries.begin(), entries.end(), [](const DeviceEntry& entry) {
                                  return !entry.knows("uuid") || (!entry.knows("name") && !entry.uuid);
                                });
  Pruned pruned;
  std::vector<std::string> unchanged;
  for (const Definition& definition : input.defined.all) {
    const bool is_described =
        std::any_of(devices.all().begin(), devices.all().end(),
                    [&](const WantedDevice& device) { return device.current == &definition; });
    if (is_described || unstopped.contains({definition.uuid, definition.parent})) {
      continue;
    }
    if (may_be_described) {
      pruned.definitions.push_back(&definition);
      continue;
    }
    if (definition.applied_by != space) {
      continue;
    }
    if (options.prune) {
      pruned.definitions.push_back(&definition);
    } else {
      unchanged.push_back(identity_of(definition).quoted());
    }
  }
  for (const Group& group : input.groups.all) {
    const bool is_described =
        std::any_of(input.file.groups.begin(), input.file.groups.end(),
                    [&](const GroupEntry& entry) { return entry.group.name == group.name; });
    if (is_described || (group.applied_by != space && !input.file.unread.groups)) {
      continue;
    }
    if (options.prune || input.file.unread.groups) {
      pruned.groups.push_back(&group);
    } else {
      unchanged.push_back(fmt::format("group '{}'", group.name.str()));
    }
  }
  if (options.prune) {
    refuse_undecided(input.defined.broken, "definition", plan);
    refuse_undecided(input.groups.broken, "group", plan);
  }
  if (!unchanged.empty()) {
    plan.notes.push_back(
        fmt::format("no longer in the description, left unchanged: {} (apply --prune removes them)",
                    join(unchanged, ", ")));
  }
  return pruned;
}

void WantedGroups::find(const std::vector<DeviceEntry>& tables, const std::vector<WantedDevice>& devices,
                        ApplyPlan& plan) {
  groups_ = GroupSearch(input_, tables, devices, pruned_, plan).find();
}

bool WantedGroups::stays(const Group& group) const {
  return !pruned_.has(group) && std::none_of(groups_.begin(), groups_.end(), [&](const WantedGroup& one) {
    return one.after.name == group.name;
  });
}

std::vector<const Group*> WantedGroups::all() const {
  std::vector<const Group*> groups;
  for (const WantedGroup& group : groups_) {
    groups.push_back(&group.after);
  }
  for (const Group& group : input_.groups.all) {
    if (stays(group)) {
      groups.push_back(&group);
    }
  }
  return groups;
}

const Group* WantedGroups::of(const Definition& definition) const {
  for (const WantedGroup& group : groups_) {
    if (group.after.has(definition)) {
      return &group.after;
    }
  }
  const Group* group = input_.groups.of(definition);
  return group != nullptr && stays(*group) ? group : nullptr;
}

std::vector<Definition> WantedGroups::members_to_start(const Group& group, const Definitions& defined) const {
  std::vector<Definition> result;
  for (const Member& member : group.members) {
    std::copy_if(defined.all.begin(), defined.all.end(), std::back_inserter(result),
                 [&](const Definition& definition) { return member.means(definition); });
  }
  sort_for_start(input_.seen, result);
  return result;
}

std::map<Uuid, std::size_t> WantedGroups::ranks(const Definitions& defined) const {
  std::map<Uuid, std::size_t> ranks;
  for (const Group* group : all()) {
    for (const Definition& member : members_to_start(*group, defined)) {
      ranks.emplace(member.uuid, ranks.size());
    }
  }
  return ranks;
}

}  // namespace mdevadm
