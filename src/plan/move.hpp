// Moving a definition to another parent. Pure functions. Internal header.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/definitions.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Throws Error{conflict} if a definition cannot move to another parent.
void require_movable(const Snapshot& seen, const Definitions& defined, const Definition& current,
                     const ParentName& to, const std::string& doing);

// Returns the definition under the parent that the request names. A virtual function of the old parent is
// dropped: the next one is chosen as for a new definition.
Definition moved(const Snapshot& seen, const Definitions& defined, Definition wanted,
                 const ModifyRequest& request, const std::string& doing);

// Returns the group with the new parents of members that name the old one.
Group moved_members(Group group, const std::vector<ReplaceDefinition>& moves);

// Adds the change of a group whose member names the old parent of a definition.
void follow_in_group(const Group& group, const Definition& before, const Definition& after, Job& job);

}  // namespace mdevadm
