#include <mdevadm/plan/boot.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/placements.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/plan/start_order.hpp>
#include <mdevadm/util/text.hpp>
#include <utility>

namespace mdevadm {

namespace {

bool wait_for_one_another(const Snapshot& seen, const ParentName& parent) {
  const Parent* there = seen.find_parent(parent.str());
  return there != nullptr && there->capabilities.online;
}

// Throws Error{not_found} that explains all missing parents, not only the first.
void require_parents(const Snapshot& seen, const BootUnit& unit, const std::string& doing) {
  std::vector<std::string> missing, causes, hints;
  std::vector<ParentName> done;
  bool can_come = true;
  for (const Definition& definition : unit.wanted) {
    const ParentName& parent = definition.parent;
    if (seen.find_parent(parent.str()) != nullptr ||
        std::find(done.begin(), done.end(), parent) != done.end()) {
      continue;
    }
    done.push_back(parent);
    can_come = can_come && !misnamed_parent(seen, definition);
    if (const auto finding = why_missing(seen, definition)) {
      causes.push_back(finding->what);
      std::copy_if(
          finding->advice.begin(), finding->advice.end(), std::back_inserter(hints),
          [&](const std::string& one) { return std::find(hints.begin(), hints.end(), one) == hints.end(); });
    } else {
      missing.push_back(parent.str());
    }
  }
  if (!missing.empty()) {
    causes.insert(causes.begin(),
                  fmt::format("missing {}: {}", missing.size() == 1 ? "parent device" : "parent devices",
                              join(missing, ", ")));
    hints.emplace_back("load the drivers of the missing parents; list the present ones: mdevadm types");
  }
  if (!causes.empty()) {
    const Error error(ExitCode::not_found, fmt::format("{}: {}", doing, join(causes, "; ")), hints);
    throw can_come ? error.worth(Retry::later) : error;
  }
}

BootAttempt plan_group(const Snapshot& seen, const BootUnit& unit, const Definitions& defined,
                       const BootPlanOptions& options) {
  const Group& group = *unit.group;
  try {
    require_parents(seen, unit, fmt::format("cannot start group '{}'", group.name.str()));
    return {plan_group_start(seen, group, defined, {options.peers, options.accept_abi}), {}};
  } catch (const Error& error) {
    return {{}, {{unit.group_identity(), error}}};
  }
}

}  // namespace

Identity BootUnit::identity(const Definition& definition) const {
  const auto argument = arguments.find(definition.uuid.str());
  return identity_of(definition, argument == arguments.end() ? std::string{} : argument->second);
}

Identity BootUnit::group_identity() const {
  Identity about = identity_of(*group);
  const auto argument = arguments.find(about.key());
  about.argument = argument == arguments.end() ? std::string{} : argument->second;
  return about;
}

std::vector<ParentName> BootUnit::parents() const {
  std::vector<ParentName> parents;
  for (const Definition& definition : wanted) {
    if (std::find(parents.begin(), parents.end(), definition.parent) == parents.end()) {
      parents.push_back(definition.parent);
    }
  }
  return parents;
}

Facet BootUnit::facets() const {
  Facet facets = group ? Facet::description : Facet::none;
  for (const Definition& definition : wanted) {
    facets |= facets_to_start(definition);
  }
  return facets;
}

std::vector<BootUnit> boot_units(const Snapshot& seen, const std::vector<Definition>& wanted) {
  std::vector<BootUnit> units;
  const auto unit_for = [&](const Definition& definition) -> BootUnit& {
    const bool waits = wait_for_one_another(seen, definition.parent);
    for (BootUnit& unit : units) {
      const ParentName& of = unit.wanted.front().parent;
      if (of == definition.parent || (waits && wait_for_one_another(seen, of))) {
        return unit;
      }
    }
    return units.emplace_back();
  };
  for (const Definition& definition : wanted) {
    unit_for(definition).wanted.push_back(definition);
  }
  return units;
}

std::vector<BootUnit> boot_units(const Snapshot& seen, const Definitions& defined,
                                 const std::optional<ParentName>& parent) {
  std::vector<Definition> wanted;
  std::copy_if(defined.all.begin(), defined.all.end(), std::back_inserter(wanted),
               [&](const Definition& definition) {
                 return definition.start == StartMode::automatic && (!parent || definition.parent == *parent);
               });
  return boot_units(seen, wanted);
}

std::vector<BootUnit> boot_units(const Groups& groups, const Definitions& defined) {
  std::vector<BootUnit> units;
  for (const Group& group : groups.all) {
    if (group.start != StartMode::automatic) {
      continue;
    }
    BootUnit& unit = units.emplace_back();
    unit.group = group;
    std::copy_if(defined.all.begin(), defined.all.end(), std::back_inserter(unit.wanted),
                 [&](const Definition& definition) { return group.has(definition); });
  }
  const auto rank = [](const BootUnit& unit) {
    bool is_fixed = false;
    int largest = 0;
    for (const Definition& definition : unit.wanted) {
      is_fixed = is_fixed || has_fixed_placement(definition);
      largest = std::max(largest, static_cast<int>(defined_framebuffer(definition)));
    }
    return std::pair(is_fixed ? 0 : 1, -largest);
  };
  std::stable_sort(units.begin(), units.end(),
                   [&](const BootUnit& a, const BootUnit& b) { return rank(a) < rank(b); });
  return units;
}

std::vector<BootUnit> boot_units_with(const Snapshot& seen, std::vector<BootUnit> units,
                                      const ParentName& parent) {
  std::erase_if(units, [&](const BootUnit& unit) {
    const std::vector<ParentName> parents = unit.parents();
    return std::find(parents.begin(), parents.end(), parent) == parents.end() ||
           std::any_of(parents.begin(), parents.end(),
                       [&](const ParentName& one) { return seen.find_parent(one.str()) == nullptr; });
  });
  return units;
}

BootAttempt plan_boot(const Snapshot& seen, const BootUnit& unit, const Definitions& defined,
                      const BootPlanOptions& options) {
  if (unit.group) {
    return plan_group(seen, unit, defined, options);
  }
  BootAttempt attempt;
  StartPlanner planner(seen, {.accept_abi = options.accept_abi, .defined = &defined});
  std::vector<Definition> wanted = unit.wanted;
  sort_for_start(seen, wanted);
  for (const Definition& definition : wanted) {
    const Identity about = unit.identity(definition);
    try {
      attempt.plan.jobs.push_back(planner.plan(definition, about.argument));
    } catch (const Error& error) {
      attempt.refused.push_back({about, error});
    }
  }
  return attempt;
}

}  // namespace mdevadm
