// How groups are kept, started and stopped. Pure: decided from what was seen, or refused with Error.
#pragma once

#include <mdevadm/model/group.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/plan.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// The group of that name. Throws Error{not_found}, naming one that is spelled alike.
const Group& require_group(const Groups& groups, const std::string& name, std::string_view doing);

// Members that are to be added must be in no other group: else Error{conflict}.
Job plan_group_create(const Groups& groups, const Group& group);
Job plan_group_change(const Groups& groups, const Group& before, const Group& after);
Job plan_group_rename(const Groups& groups, const Group& group, const GroupName& to);
Job plan_group_delete(const Group& group);

// The members' definitions, in order. Throws Error{not_found} for one that is not defined, Error{conflict}
// for one that several parents define, Error{failed} for a group of nothing.
std::vector<const Definition*> members_of(const Group& group, const Definitions& defined,
                                          const std::string& doing);

struct GroupStartOptions {
  Uuid peers;  // as which members share what they share, unless some do already
  bool accept_abi = false;
};

// All members or none: everything is created before the first node is given away, and whatever fails undoes
// all. That the whole set fits is checked before anything is done, as far as it can be known (plan/room.hpp):
// else Error{no_capacity}. Members that are up already stay as they are, and stay if the others fail. Needs
// facets_to_start() of the members, and Facet::description of their parents.
Plan plan_group_start(const Snapshot& seen, const Group& group, const Definitions& defined,
                      const GroupStartOptions& options);

// The members that are active, the last one first, in lanes. Throws Error{in_use}, naming all that are used
// and by whom, before anything is done; not so with `force`. Needs Facet::holders and Facet::busy of them.
Plan plan_group_stop(const Snapshot& seen, const Group& group, bool force);

// Waits until nobody uses any of them, or fails.
Plan plan_group_release(const Snapshot& seen, const Group& group, std::chrono::milliseconds patience,
                        bool force);

}  // namespace mdevadm
