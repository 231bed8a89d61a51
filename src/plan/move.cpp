#include "move.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <utility>

namespace mdevadm {

void require_movable(const Snapshot& seen, const Definitions& defined, const Definition& current,
                     const ParentName& to, const std::string& doing) {
  const std::string word = shell_word(identity_of(current).word());
  if (defined.find(current.uuid, to) != nullptr || broken_definition(defined, current.uuid, to) != nullptr) {
    throw Error(ExitCode::conflict, fmt::format("{}: the device is also defined under {}", doing, to.str()),
                fmt::format("remove one of the definitions: mdevadm undefine {} -p {}", current.uuid.str(),
                            current.parent.str()));
  }
  const Device* active = seen.find_device(current.uuid);
  if (active != nullptr && active->parent == current.parent) {
    throw Error(ExitCode::conflict,
                fmt::format("{}: the device is active on {}, and its definition would be under {}", doing,
                            current.parent.str(), to.str()),
                "stop the device: mdevadm stop " + word);
  }
}

Definition moved(const Snapshot& seen, const Definitions& defined, Definition wanted,
                 const ModifyRequest& request, const std::string& doing) {
  const bool had_directory = std::exchange(wanted.directory, std::nullopt).has_value();
  wanted.parent = *request.parent;
  if (!request.function && wanted.reserved_vf() != nullptr) {
    wanted.function.reset();
  }
  if (request.fits == FitsHost::required) {
    if (const auto place = function_for(seen, defined, wanted, doing)) {
      wanted.function = place;
    }
  }
  // mdevctl takes each VF for a parent.
  const FunctionName* vf = wanted.origin == Origin::mdevctl ? wanted.reserved_vf() : nullptr;
  if (vf != nullptr) {
    wanted.directory = ParentName::parse(vf->str());
  } else if (had_directory && wanted.origin == Origin::mdevctl) {
    throw Error(ExitCode::conflict,
                fmt::format("{}: mdevctl's format requires a virtual function, and none of {} is enabled",
                            doing, wanted.parent.str()),
                "specify the virtual function with --vf and --force");
  }
  return wanted;
}

Group moved_members(Group group, const std::vector<ReplaceDefinition>& moves) {
  for (Member& member : group.members) {
    const auto move = std::find_if(moves.begin(), moves.end(), [&](const ReplaceDefinition& one) {
      return member.parent && member.means(one.before);
    });
    if (move != moves.end()) {
      member.parent = move->after.parent;
    }
  }
  return group;
}

void follow_in_group(const Group& group, const Definition& before, const Definition& after, Job& job) {
  const Group changed = moved_members(group, {{before, after}});
  if (changed != group) {
    job.steps.push_back({ReplaceGroup{group, changed}, ReplaceGroup{changed, group}});
  }
}

}  // namespace mdevadm
