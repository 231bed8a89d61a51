// Planning of the autostart: partitions the definitions and groups into units, plans what can be started now
// and refuses the rest with a reason. Pure functions.
#pragma once

#include <map>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// A unit started independently of the others: a group, or the devices of one parent. Parents whose devices
// depend on each other during the start form one unit.
struct BootUnit {
  std::optional<Group> group{};
  std::vector<Definition> wanted{};
  // What the user typed for definitions, or the group, by Identity::key(); absent: selected by an option.
  std::map<std::string, std::string> arguments{};

  Identity identity(const Definition& definition) const;
  Identity group_identity() const;          // requires a group
  std::vector<ParentName> parents() const;  // without duplicates
  // Returns the facets of the parents that a start requires.
  Facet facets() const;
};

// Returns the units of these definitions. Needs Facet::types of the parents that exist.
std::vector<BootUnit> boot_units(const Snapshot& seen, const std::vector<Definition>& wanted);
// Returns the units of the definitions with autostart, optionally of one parent only. Needs Facet::types of
// the parents that exist.
std::vector<BootUnit> boot_units(const Snapshot& seen, const Definitions& defined,
                                 const std::optional<ParentName>& parent);
// Returns the units of the groups with autostart: those with a fixed placement first, then by decreasing size
// of the largest vGPU, for the reason of sort_for_start(). Groups with a parent in common start in this
// order.
std::vector<BootUnit> boot_units(const Groups& groups, const Definitions& defined);
// Filters the units for those that have a member on this parent and whose parents all exist.
std::vector<BootUnit> boot_units_with(const Snapshot& seen, std::vector<BootUnit> units,
                                      const ParentName& parent);

// A device or group that cannot be started in the present state.
struct Refusal {
  Identity about;
  Error error;
};

struct BootAttempt {
  Plan plan{};
  std::vector<Refusal> refused{};
};

struct BootPlanOptions {
  bool accept_abi = false;
  Uuid peers{};  // UUID for the peer-to-peer set of a group's members
};

// Plans everything in the unit that can be started now; a group is all or nothing. Errors become refusals,
// none are thrown.
BootAttempt plan_boot(const Snapshot& seen, const BootUnit& unit, const Definitions& defined,
                      const BootPlanOptions& options);

}  // namespace mdevadm
