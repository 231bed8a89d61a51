#include <mdevadm/plan/claims.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/groups.hpp>

#include <fmt/format.h>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const ParentName gpu = *ParentName::parse("0000:86:00.0");
const TypeName small = *TypeName::parse("nvidia-11");

Uuid uuid(int number) {
  return *Uuid::parse(fmt::format("00000000-0000-0000-0000-{:012x}", number));
}

// Three defined and active members of the group pool.
struct World {
  Snapshot seen;
  Definitions defined;
  Groups groups;

  World() {
    groups.all.push_back({*GroupName::parse("pool")});
    for (const int i : {1, 2, 3}) {
      defined.all.push_back({uuid(i), gpu, small});
      seen.devices.push_back({.uuid = uuid(i), .parent = gpu, .type = small});
      groups.all[0].members.push_back({uuid(i)});
    }
  }

  const Group& pool() const { return groups.all[0]; }
  MemberState state(int number) const { return state_of_member({uuid(number)}, seen, defined); }
  void claim(int number, const std::string& claimant) {
    seen.claims.all.push_back({uuid(number), "pool", claimant, {}, 7});
  }
};

template <typename Function>
Error error_of(const Function& function) {
  try {
    function();
  } catch (const Error& error) {
    return error;
  }
  return {ExitCode::done, "no error"};
}

bool mentions(const Error& error, const std::string& hint) {
  const std::vector<std::string> hints = error.hints();
  return std::any_of(hints.begin(), hints.end(),
                     [&](const std::string& one) { return one.find(hint) != std::string::npos; });
}

template <typename Kind>
std::size_t count(const Job& job) {
  return static_cast<std::size_t>(std::count_if(job.steps.begin(), job.steps.end(), [](const Step& step) {
    return std::holds_alternative<Kind>(step.action);
  }));
}

}  // namespace

TEST_CASE("a member is free if it is defined and active as defined") {
  World world;
  CHECK(world.state(1) == MemberState::free);
  CHECK(world.state(9) == MemberState::unusable);
  CHECK(state_of_member({uuid(1), *ParentName::parse("mtty")}, world.seen, world.defined) ==
        MemberState::unusable);
  world.seen.devices[0].type = *TypeName::parse("nvidia-12");
  CHECK(world.state(1) == MemberState::unusable);
  world.seen.devices[0].type = small;
  world.seen.devices[0].unfinished = true;
  CHECK(world.state(1) == MemberState::unusable);
  world.defined.all.erase(world.defined.all.begin() + 1);
  CHECK(world.state(2) == MemberState::unusable);
  world.seen.devices.pop_back();
  CHECK(world.state(3) == MemberState::inactive);
}

TEST_CASE("a member is free if its definition has the number or the vendor name of the type") {
  World world;
  world.defined.all[0].type = *TypeName::parse("11");
  CHECK(world.state(1) == MemberState::free);
  world.defined.all[0].type = *TypeName::parse("GRID M60-0B");
  Parent parent{.name = gpu, .path = "sys/devices/gpu"};
  parent.types = {{.id = small, .name = "GRID M60-0B"}};
  world.seen.parents = {parent};
  CHECK(world.state(1) == MemberState::free);
  world.defined.all[0].type = *TypeName::parse("GRID M60-1B");
  CHECK(world.state(1) == MemberState::unusable);
}

TEST_CASE("the error of an exhausted pool counts the reasons and has hints for them") {
  const World world;
  using enum MemberState;
  const Error all = none_free(world.pool(), {claimed, claimed, claimed});
  CHECK(all.code() == ExitCode::no_capacity);
  CHECK(std::string(all.what()) ==
        "cannot claim a device of 'pool': no member is free: 3 members are claimed");
  CHECK_FALSE(mentions(all, "group start"));
  const Error mixed = none_free(world.pool(), {inactive, claimed, busy});
  CHECK(std::string(mixed.what())
            .ends_with("no member is free: 1 member is claimed, 1 is inactive, 1 is on a parent that another "
                       "process has locked"));
  CHECK(mentions(mixed, "mdevadm group start pool"));
  CHECK(mentions(mixed, "mdevadm list --group pool"));
  CHECK(mentions(none_free({*GroupName::parse("pool")}, {}), "mdevadm group add pool"));
}

TEST_CASE("claims of a group are those on its members and those that were handed out from it") {
  World world;
  world.claim(1, "vm1");
  world.seen.claims.all.push_back({uuid(2), "earlier", "vm2", {}, 7});
  world.seen.claims.all.push_back({uuid(9), "pool", "vm3", {}, 7});
  world.seen.claims.all.push_back({uuid(10), "other", "vm4", {}, 7});
  CHECK(claims_of(world.seen.claims, "pool", world.groups).size() == 3);
  CHECK(claims_of(world.seen.claims, "other", world.groups).size() == 1);
}

TEST_CASE("a device in use is released after it was closed, or with force") {
  World world;
  world.claim(1, "vm1");
  const Claim& claim = world.seen.claims.all[0];
  const Identity about{.uuid = uuid(1), .name = "seat1"};
  CHECK(plan_claim_release(world.seen, claim, {about}).steps.size() == 1);
  world.seen.devices[0].busy = true;
  world.seen.devices[0].holders = {{812, "qemu", true}};
  const Error error = error_of([&] { plan_claim_release(world.seen, claim, {about}); });
  CHECK(error.code() == ExitCode::in_use);
  CHECK(std::string(error.what()).find("it is in use by qemu (pid 812)") != std::string::npos);
  CHECK(error.holders().size() == 1);
  const Job waits = plan_claim_release(world.seen, claim, {about, std::chrono::seconds{1}});
  CHECK(count<AwaitRelease>(waits) == 1);
  CHECK(count<DropClaim>(waits) == 1);
  CHECK(count<AwaitRelease>(plan_claim_release(world.seen, claim, {about, {}, true})) == 0);
}

TEST_CASE("only the claimant that is named releases a device") {
  const Claim claim{uuid(1), "pool", "vm1"};
  const Identity about{.uuid = uuid(1), .name = "seat1"};
  CHECK_NOTHROW(require_claimant(claim, about, "vm1"));
  CHECK_NOTHROW(require_claimant(claim, about, ""));
  const Error error = error_of([&] { require_claimant(claim, about, "vm2"); });
  CHECK(error.code() == ExitCode::conflict);
  CHECK(std::string(error.what()).ends_with("the device is claimed for 'vm1', not for 'vm2'"));
}

TEST_CASE("a claimed device is stopped only with force, which ends the claim") {
  World world;
  world.claim(1, "vm1");
  StopRequest request{{.uuid = uuid(1), .name = "seat1"}};
  const Error error = error_of([&] { plan_stop(world.seen, request, gpu); });
  CHECK(error.code() == ExitCode::in_use);
  CHECK(std::string(error.what()).ends_with("it is claimed for 'vm1'"));
  CHECK(mentions(error, "mdevadm release seat1"));
  CHECK(mentions(error, "--force"));
  CHECK(error_of([&] { plan_release(world.seen, world.seen.devices[0], request); }).code() ==
        ExitCode::in_use);
  request.part_of = StopRequest::Part::restart;
  CHECK_FALSE(mentions(error_of([&] { plan_stop(world.seen, request, gpu); }), "--force"));
  request.force = true;
  CHECK(count<DropClaim>(plan_stop(world.seen, request, gpu)) == 1);
  request.about.uuid = uuid(2);
  CHECK(count<DropClaim>(plan_stop(world.seen, request, gpu)) == 0);
}

TEST_CASE("a group with a claimed member is stopped only with force") {
  World world;
  world.claim(2, "");
  const auto stop = [&](bool force) {
    return plan_group_stop(world.seen, world.pool(), world.defined, {.force = force});
  };
  const Error error = error_of([&] { stop(false); });
  CHECK(error.code() == ExitCode::in_use);
  CHECK(std::string(error.what()).ends_with("is claimed from group 'pool'"));
  CHECK(mentions(error, "mdevadm release pool --all"));
  CHECK(stop(true).jobs.size() == 3);
  const auto waits = [&] {
    plan_group_release(world.seen, world.pool(), world.defined, std::chrono::seconds{9}, false);
  };
  CHECK(error_of(waits).code() == ExitCode::in_use);
}
