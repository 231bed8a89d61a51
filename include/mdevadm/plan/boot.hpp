// How devices that are to come up by themselves do so: which of them belong together, what to do now for
// those that can be started, and why not for the others. Pure.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// What is brought up independently of all else: a group, or the devices of one parent. Parents whose devices
// wait for one another on their way up are one unit.
struct BootUnit {
  std::optional<Group> group{};
  std::vector<Definition> wanted{};

  std::vector<ParentName> parents() const;  // each once
  // What must be seen of the parents.
  Facet facets() const;
};

// Of the definitions that are to come up by themselves, on one parent if that is given. Needs Facet::types of
// their parents, as far as these are there.
std::vector<BootUnit> boot_units(const Snapshot& seen, const Definitions& defined,
                                 const std::optional<ParentName>& parent);
// Of the groups that are to.
std::vector<BootUnit> boot_units(const Groups& groups, const Definitions& defined);
// Those of them that have a member on this parent, and lack no other one.
std::vector<BootUnit> boot_units_with(const Snapshot& seen, std::vector<BootUnit> units,
                                      const ParentName& parent);

// A subject that cannot be started as things are: a device's UUID, or the group's name.
struct Refusal {
  std::string subject;
  std::optional<ParentName> parent;  // absent: it is a group
  Error error;
};

struct BootAttempt {
  Plan plan{};
  std::vector<Refusal> refused{};
};

struct BootPlanOptions {
  bool accept_abi = false;
  Uuid peers{};  // as which members of a group share what they share
};

// Whatever of the unit can be started now; of a group, all or nothing. Never throws Error: that is a refusal.
BootAttempt plan_boot(const Snapshot& seen, const BootUnit& unit, const Definitions& defined,
                      const BootPlanOptions& options);

}  // namespace mdevadm
