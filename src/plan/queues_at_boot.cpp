// Queues that two definitions have, both of which are started at boot: only one of the starts can succeed.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr std::size_t queues_in_sentence = 4;

// Returns the group with autostart that starts a definition without autostart of its own, or nullptr.
const Group* starting_group(const Groups& groups, const Definition& definition) {
  const auto group = std::find_if(groups.all.begin(), groups.all.end(), [&](const Group& one) {
    return one.start == StartMode::automatic && one.has(definition);
  });
  return definition.start == StartMode::automatic || group == groups.all.end() ? nullptr : &*group;
}

bool is_same(const Definition& a, const Definition& b) {
  return a.uuid == b.uuid && a.parent == b.parent;
}

}  // namespace

std::string shared_at_boot(const std::vector<Apqn>& common, const std::string& other) {
  return fmt::format("{} {} {} also defined for '{}', and both devices have autostart",
                     common.size() == 1 ? "queue" : "queues", format_queues(common, queues_in_sentence),
                     common.size() == 1 ? "is" : "are", printable(other));
}

std::vector<QueuesAtBoot> queues_shared_at_boot(const Definitions& defined, const Groups& groups) {
  struct Started {
    const Definition* definition;
    ApMatrix matrix;
  };
  std::vector<Started> started;
  std::vector<QueuesAtBoot> result;
  for (const Definition& definition : defined.all) {
    if (!has_queues(definition.type.str()) || !groups.starts_at_boot(definition)) {
      continue;
    }
    const Started one{&definition, assigned_by(definition.attributes)};
    for (const Started& other : started) {
      std::vector<Apqn> common = common_queues(other.matrix, one.matrix);
      if (!common.empty() && other.definition->uuid != definition.uuid) {
        result.push_back({other.definition, &definition, std::move(common)});
      }
    }
    started.push_back(one);
  }
  return result;
}

std::vector<QueuesAtBoot> more_shared_at_boot(std::vector<QueuesAtBoot> after,
                                              const std::vector<QueuesAtBoot>& before) {
  std::erase_if(after, [&](const QueuesAtBoot& one) {
    return std::any_of(before.begin(), before.end(), [&](const QueuesAtBoot& other) {
      return is_same(*one.first, *other.first) && is_same(*one.second, *other.second) &&
             one.queues == other.queues;
    });
  });
  return after;
}

Error conflict_at_boot(const Groups& groups, const Definition& wanted, const Definition& other,
                       const std::vector<Apqn>& common, const std::string& doing) {
  const std::string owner = identity_of(other).word();
  std::vector<std::string> by_groups;
  for (const Definition* one : {&wanted, &other}) {
    if (const Group* group = starting_group(groups, *one)) {
      by_groups.push_back(
          fmt::format("'{}' with group '{}'", printable(identity_of(*one).word()), group->name.str()));
    }
  }
  const Group* group = starting_group(groups, other);
  return {ExitCode::conflict,
          fmt::format("{}: {}{}", doing, shared_at_boot(common, owner),
                      by_groups.empty() ? "" : fmt::format(" ({})", join(by_groups, ", "))),
          std::vector{group != nullptr
                          ? fmt::format("disable autostart of its group: mdevadm group modify {} --manual",
                                        shell_word(group->name.str()))
                          : fmt::format("disable autostart of that device: mdevadm modify {} --manual",
                                        shell_word(owner)),
                      fmt::format("remove its definition: {}", command_to_undefine(owner, other, groups))}};
}

void require_own_queues_at_boot(const Definitions& defined, const Groups& before, const Groups& after,
                                const std::string& doing) {
  for (const QueuesAtBoot& shared :
       more_shared_at_boot(queues_shared_at_boot(defined, after), queues_shared_at_boot(defined, before))) {
    // The one that starts now is the member that is wanted.
    const bool is_first = !before.starts_at_boot(*shared.first);
    const Definition& member = is_first ? *shared.first : *shared.second;
    throw conflict_at_boot(after, member, is_first ? *shared.second : *shared.first, shared.queues,
                           fmt::format("{}: member {}", doing, identity_of(member).quoted()));
  }
}

}  // namespace mdevadm
