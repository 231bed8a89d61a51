// Planning of group operations. Pure functions; throw Error if not possible.
#pragma once

#include <mdevadm/model/group.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/plan.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Returns the group with this name. Throws Error{not_found} with the closest name as a hint.
const Group& require_group(const Groups& groups, const std::string& name, std::string_view doing);

// Plan changes of group files. Members to be added must not be in another group, and the change must not make
// two devices with the same crypto queue start at boot; otherwise throw Error{conflict}, which names members
// as `defined` does.
Job plan_group_create(const Groups& groups, const Group& group, const Definitions& defined = {});
Job plan_group_change(const Groups& groups, const Group& before, const Group& after,
                      const Definitions& defined = {});
Job plan_group_rename(const Groups& groups, const Group& group, const GroupName& to);
Job plan_group_delete(const Group& group);

// Returns a sentence about vfio-ap devices in a group: a virtual machine can have only one, so a group of
// several can only be a pool. nullopt: it has at most one.
std::optional<std::string> several_vfio_ap(const Group& group, const Definitions& defined);
// Returns whether the group is for one virtual machine: it has its UUID, requires sharing, or has devices of
// several types.
bool is_of_one_machine(const Group& group, const Definitions& defined);

// Returns the command that removes a definition, "mdevadm undefine WORD", with --force for a member of a
// group.
std::string command_to_undefine(const std::string& word, const Definition& definition, const Groups& groups);

// Returns the definitions of the members in order. Throws Error{not_found} for an undefined member,
// Error{conflict} for one that several parents define, Error{failed} for an empty group.
std::vector<const Definition*> members_of(const Group& group, const Definitions& defined,
                                          const std::string& doing);

struct GroupStartOptions {
  Uuid peers;  // UUID for the peer-to-peer set of the members, unless active members have one
  bool accept_abi = false;
};

// Plans the start of all members or none: all devices are created before the first node changes its owner,
// in the order of the group except that sort_for_start() moves those on GPUs with virtual functions; any
// failure rolls back everything. Checks first that the whole set fits, as far as this is known
// (plan/shared_capacity.hpp); otherwise throws Error{no_capacity}. Members that are already active stay
// active, even on failure. Needs facets_to_start() of the members and Facet::description of their parents.
Plan plan_group_start(const Snapshot& seen, const Group& group, const Definitions& defined,
                      const GroupStartOptions& options);

// As in StopRequest.
struct GroupStopOptions {
  bool force = false;
  std::optional<std::chrono::steady_clock::time_point> deadline{};
  StopRequest::Part part_of = StopRequest::Part::stop;
};

// Plans the stop of the active members in reverse order, in lanes. Without `force`, throws Error{in_use} with
// all devices in use and their processes before anything is changed. Needs Facet::holders and Facet::busy of
// the members. `defined`: for the names of the members.
Plan plan_group_stop(const Snapshot& seen, const Group& group, const Definitions& defined,
                     const GroupStopOptions& options);

// Plans to wait until all members are released; the wait fails on timeout.
Plan plan_group_release(const Snapshot& seen, const Group& group, const Definitions& defined,
                        std::chrono::milliseconds patience, bool force);

}  // namespace mdevadm
