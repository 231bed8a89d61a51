#include <mdevadm/plan/claims.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

struct StateText {
  MemberState state;
  const char* one;
  const char* many;
};

constexpr std::array state_texts{
    StateText{MemberState::claimed, "1 member is claimed", "{} members are claimed"},
    StateText{MemberState::in_use, "1 is in use without a claim", "{} are in use without a claim"},
    StateText{MemberState::inactive, "1 is inactive", "{} are inactive"},
    StateText{MemberState::busy, "1 is on a parent that another process has locked",
              "{} are on parents that other processes have locked"},
    StateText{MemberState::unusable, "1 is undefined, drifted or incompletely started",
              "{} are undefined, drifted or incompletely started"},
};

std::string count_text(const std::vector<MemberState>& states) {
  std::vector<std::string> parts;
  for (const StateText& text : state_texts) {
    const auto count = std::count(states.begin(), states.end(), text.state);
    if (count > 0) {
      parts.push_back(count == 1 ? text.one : fmt::format(fmt::runtime(text.many), count));
    }
  }
  return join(parts, ", ");
}

}  // namespace

MemberState state_of_member(const Member& member, const Snapshot& seen, const Definitions& defined) {
  const Device* device = seen.find_device(member.uuid);
  if (device == nullptr || (member.parent && *member.parent != device->parent)) {
    const std::vector<const Definition*> found = defined.find(member.uuid);
    return std::any_of(found.begin(), found.end(), [&](const Definition* one) { return member.means(*one); })
               ? MemberState::inactive
               : MemberState::unusable;
  }
  const Definition* definition = defined.find(member.uuid, device->parent);
  const bool is_as_defined =
      definition != nullptr && device->type &&
      means_type(seen.find_parent(device->parent.str()), definition->type, *device->type);
  return is_as_defined && !device->unmanaged && !device->unfinished && device->online != false
             ? MemberState::free
             : MemberState::unusable;
}

Error none_free(const Group& group, const std::vector<MemberState>& states) {
  const std::string doing = fmt::format("cannot claim a device of '{}'", group.name.str());
  const std::string name = shell_word(group.name.str());
  if (group.members.empty()) {
    return {ExitCode::no_capacity, doing + ": the group has no members",
            fmt::format("add members: mdevadm group add {} DEVICE...", name)};
  }
  std::vector<std::string> hints;
  const auto has = [&](MemberState state) {
    return std::find(states.begin(), states.end(), state) != states.end();
  };
  if (has(MemberState::inactive)) {
    hints.push_back(fmt::format("start the inactive members: mdevadm group start {}", name));
  }
  if (has(MemberState::claimed) || has(MemberState::in_use)) {
    hints.push_back(
        fmt::format("show claims and users: mdevadm list --group {} -o +claimed_for,held_by", name));
  }
  if (has(MemberState::busy)) {
    hints.emplace_back(
        "another command starts or stops devices on the parent; repeat the command when it has ended");
  }
  if (has(MemberState::unusable)) {
    hints.push_back(fmt::format("show the states of the members: mdevadm group show {}", name));
  }
  return {ExitCode::no_capacity, fmt::format("{}: no member is free: {}", doing, count_text(states)), hints};
}

Job plan_claim(const Definition& definition, const Claim& claim) {
  const Identity about = identity_of(definition);
  Job job{"claim " + about.quoted(), about, definition.parent.str()};
  job.steps.push_back({KeepClaim{claim}, std::nullopt});
  return job;
}

std::vector<Claim> claims_of(const Claims& claims, const std::string& name, const Groups& groups) {
  const Group* group = groups.find(name);
  std::vector<Claim> result;
  std::copy_if(claims.all.begin(), claims.all.end(), std::back_inserter(result), [&](const Claim& claim) {
    return claim.group == name ||
           (group != nullptr && std::any_of(group->members.begin(), group->members.end(),
                                            [&](const Member& one) { return one.uuid == claim.uuid; }));
  });
  return result;
}

Job plan_claim_release(const Snapshot& seen, const Claim& claim, const ReleaseRequest& request) {
  const Device* device = seen.find_device(claim.uuid);
  device = device != nullptr ? device : seen.find_removing(claim.uuid);
  const bool is_busy = device != nullptr && device->busy;
  const bool waits = is_busy && request.patience.count() > 0;
  Job job{"release " + request.about.quoted(), request.about, "claims"};
  if (is_busy && !waits && !request.force) {
    throw Error(ExitCode::in_use,
                fmt::format("cannot {}: it is in use by {}", job.goal, describe(device->holders)),
                advice_for_use(StopRequest::Part::stop, false))
        .held_by(device->holders);
  }
  if (waits) {
    job.lane = claim.uuid.str();  // the waits are in parallel
    job.steps.push_back({AwaitRelease{*device, request.patience, request.force,
                                      advice_for_use(StopRequest::Part::stop, true)},
                         std::nullopt});
  }
  job.steps.push_back({DropClaim{claim}, std::nullopt});
  return job;
}

void require_claimant(const Claim& claim, const Identity& about, std::string_view claimant) {
  if (!claimant.empty() && claim.claimant != claimant) {
    throw Error(ExitCode::conflict,
                fmt::format("cannot release {}: the device is {}, not for '{}'", about.quoted(), claim.str(),
                            printable(claimant)),
                "end the claim anyway: mdevadm release " + shell_word(about.word()));
  }
}

Error claimed_error(const Claim& claim, const Identity& about, const std::string& doing,
                    const std::string& advice) {
  std::vector<std::string> hints{"release it first: mdevadm release " + shell_word(about.word())};
  if (!advice.empty()) {
    hints.push_back(advice);
  }
  return {ExitCode::in_use, fmt::format("{}: it is {}", doing, claim.str()), hints};
}

}  // namespace mdevadm
