// Planning of claims: a group as a pool whose active members are handed out one by one, and returned. Pure
// functions; throw Error if not possible.
#pragma once

#include <chrono>
#include <mdevadm/model/claim.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Whether a member of a pool can be handed out, or why not.
enum class MemberState {
  free,
  claimed,
  in_use,  // by a process, without a claim
  inactive,
  busy,      // a device of its parent is being started or stopped
  unusable,  // not defined, of another type than defined, or incompletely started
};

// Returns the state without regard to claims and users. Needs Facet::devices of the member, and the types of
// its parent if the definition names the type as the vendor does.
MemberState state_of_member(const Member& member, const Snapshot& seen, const Definitions& defined);

// Returns the error for a pool without a free member. `states`: of its members.
Error none_free(const Group& group, const std::vector<MemberState>& states);

// Plans to hand out a device.
Job plan_claim(const Definition& definition, const Claim& claim);

// Returns the claims on members of the group and on devices that were handed out from it.
std::vector<Claim> claims_of(const Claims& claims, const std::string& group, const Groups& groups);

struct ReleaseRequest {
  Identity about;
  std::chrono::milliseconds patience{0};  // how long to wait for the release of a device in use
  bool force = false;                     // release it even if it is in use
};

// Plans to return a device. Needs Facet::holders and Facet::busy of it. Throws Error{in_use}, naming the
// processes.
Job plan_claim_release(const Snapshot& seen, const Claim& claim, const ReleaseRequest& request);

// Throws Error{conflict} if the device is claimed for another claimant than the given one; an empty one is
// any.
void require_claimant(const Claim& claim, const Identity& about, std::string_view claimant);

// Returns the error for a stop of a claimed device. `advice`: what besides a release helps; may be empty.
Error claimed_error(const Claim& claim, const Identity& about, const std::string& doing,
                    const std::string& advice);

}  // namespace mdevadm
