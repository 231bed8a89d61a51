#include <fmt/format.h>

#include <mdevadm/plan/abi.hpp>
#include <mdevadm/plan/attributes.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"
#include "plan_start.hpp"

using namespace mdevadm;
using test::plan_start;

namespace {

const ParentName gpu = *ParentName::parse("0000:86:00.0");
const Uuid vm = *Uuid::parse("99999999-0000-4000-8000-000000000009");

Uuid uuid(int number) {
  return *Uuid::parse(fmt::format("aaaaaaaa-0000-4000-8000-{:012}", number));
}

Definition wanted(int number, std::optional<std::string> args = std::nullopt) {
  Definition definition{uuid(number), gpu, *TypeName::parse("17")};
  definition.create_args = std::move(args);
  return definition;
}

Snapshot host(const Capabilities& can) {
  Snapshot seen;
  Parent parent{.name = gpu, .path = "sys/devices/gpu", .home = "sys/devices/gpu", .capabilities = can};
  parent.types = {{.id = *TypeName::parse("17")}};
  seen.parents = {parent};
  return seen;
}

// Returns "STAGE ACTION" for each step, without UUIDs.
std::vector<std::string> kinds(const Job& job) {
  std::vector<std::string> result;
  for (const Step& step : job.steps) {
    const std::string text = describe(step.action);
    result.push_back(fmt::format("{} {}", step.stage, text.substr(0, text.find(' '))));
  }
  return result;
}

template <typename A>
const A* action(const Job& job) {
  for (const Step& step : job.steps) {
    if (const A* found = std::get_if<A>(&step.action)) {
      return found;
    }
  }
  return nullptr;
}

}  // namespace

TEST_CASE("start on a parent with online state uses separate stages and otherwise a single stage") {
  const Snapshot flat = host({.create_arguments = Support::yes, .online = true, .reports_type = false});
  CHECK(kinds(plan_start(flat, wanted(1))) ==
        std::vector<std::string>{"0 record", "0 create", "2 bring", "3 wait", "3 record"});
  const Snapshot plain = host({});
  CHECK(kinds(plan_start(plain, wanted(1))) == std::vector<std::string>{"0 create", "0 wait"});
}

TEST_CASE("numbered devices of a virtual machine get consecutive numbers and go online once") {
  Snapshot seen = host({.create_arguments = Support::yes,
                        .online = true,
                        .online_together = true,
                        .numbered = true,
                        .reports_type = false});
  seen.devices.push_back({.uuid = uuid(7), .parent = gpu, .name = vm.str() + "-0"});
  StartPlanner planner(seen, {.vm = vm});
  const Job first = planner.plan(wanted(1));
  const Job second = planner.plan(wanted(2));
  CHECK(action<CreateDevice>(first)->what.name == vm.str() + "-1");
  CHECK(action<CreateDevice>(second)->what.name == vm.str() + "-2");
  CHECK(action<CreateDevice>(second)->what.arguments == "vm_uuid=" + vm.str());
  CHECK(action<SetOnline>(first) != nullptr);
  CHECK(action<SetOnline>(second) == nullptr);
}

TEST_CASE("a create argument vm_uuid that conflicts with the group's VM is refused") {
  const Snapshot seen = host({.create_arguments = Support::yes});
  StartPlanner planner(seen, {.vm = vm});
  CHECK_THROWS_WITH(planner.plan(wanted(1, "vm_uuid=" + uuid(5).str())),
                    Catch::Matchers::ContainsSubstring("conflicts with the group's vm_uuid " + vm.str()));
  CHECK(action<CreateDevice>(planner.plan(wanted(2, "a=1")))->what.arguments == "a=1,vm_uuid=" + vm.str());
}

TEST_CASE("several devices are assigned to different virtual functions") {
  Snapshot seen = host({.functions = true, .named_by_function = true});
  const NamedType type{*TypeName::parse("17"), "L40S-1Q"};
  seen.parents[0].functions = {{"f0", "sys/f0", TypeName::parse("17"), {}},
                               {"f1", "sys/f1", std::nullopt, {type}},
                               {"f2", "sys/f2", std::nullopt, {}},
                               {"f3", "sys/f3", std::nullopt, {type}}};
  StartPlanner planner(seen);
  CHECK(action<CreateDevice>(planner.plan(wanted(1)))->what.name == "f1");
  const Job second = planner.plan(wanted(2));
  CHECK(action<CreateDevice>(second)->what.name == "f3");
  CHECK(action<AwaitDevice>(second)->device.path == "sys/f3");
  CHECK_THROWS_WITH(planner.plan(wanted(3)),
                    Catch::Matchers::ContainsSubstring("no available instances of 17"));
}

TEST_CASE("peer-to-peer members join an active member's set or form a new one") {
  Snapshot seen = host({.kernel_groups = Support::unknown, .reports_type = false});
  StartOptions options{.sharing = Sharing::automatic, .set = {wanted(1), wanted(2)}, .peers = uuid(8)};
  StartPlanner planner(seen, options);
  const Job first = planner.plan(wanted(1));
  const Job second = planner.plan(wanted(2));
  CHECK_FALSE(action<CreateDevice>(first)->what.beside);
  CHECK(action<CreateDevice>(second)->what.beside->uuid == uuid(1));
  CHECK(action<JoinPeers>(first)->peers == uuid(8));
  seen.devices.push_back(
      {.uuid = uuid(2), .parent = gpu, .type = TypeName::parse("17"), .path = "sys/x", .peers = uuid(9)});
  const Job joins = StartPlanner(seen, options).plan(wanted(1));
  CHECK(action<CreateDevice>(joins)->what.beside->uuid == uuid(2));
  CHECK(action<JoinPeers>(joins)->peers == uuid(9));
  CHECK(StartPlanner(seen, options).plan(wanted(2)).steps.empty());
}

TEST_CASE("start completes an unfinished start and does not remove the device on failure") {
  Snapshot seen = host({});
  seen.devices.push_back(
      {.uuid = uuid(1), .parent = gpu, .type = TypeName::parse("17"), .path = "sys/x", .unfinished = true});
  Definition definition = wanted(1);
  definition.attributes = {{*AttributeName::parse("a"), "1"}};
  const Job job = plan_start(seen, definition);
  CHECK(kinds(job) == std::vector<std::string>{"0 set", "0 wait", "0 record"});
  for (const Step& step : job.steps) {
    CHECK_FALSE(step.undo);
  }
  seen.devices[0].unfinished = false;
  seen.devices[0].online = false;
  seen.parents[0].capabilities.online = true;
  CHECK(action<SetOnline>(plan_start(seen, definition))->online);
}

TEST_CASE("guest ABI descriptions are compared property by property for every interface") {
  const Abi pinned{{"description", "num_heads=4, framebuffer=4096M, max_instance=2"},
                   {"name", "GRID M60-4Q"}};
  CHECK(compare_abi(pinned, {{"description", "max_instance=1, framebuffer=4G, num_heads=4"}}).empty());
  const auto differs =
      compare_abi(pinned, {{"description", "num_heads=2, framebuffer=4096M"}, {"name", "other"}});
  REQUIRE(differs.size() == 2);
  CHECK(differs[0].text == "num_heads: defined '4', now '2'");
  CHECK(differs[0].changes_guest);
  CHECK_FALSE(differs[1].changes_guest);
  CHECK(compare_abi({{"name", "L40S-1Q"}}, {{"name", "L40S-2Q"}})[0].changes_guest);
  CHECK(compare_abi({{"device_api", "vfio-pci"}}, {}).empty());
  CHECK_FALSE(compare_abi({{"driver_version", "1"}}, {{"driver_version", "2"}})[0].changes_guest);
}

TEST_CASE("attributes that no driver offers are not set") {
  for (const char* name : {"remove", "driver", "driver/unbind", "iommu_group/x", "mdev_type",
                           "mdev_type/remove", "mdev_type/devices/x", "mdev_type/available_instances"}) {
    CHECK_FALSE(why_never_set(*AttributeName::parse(name)).empty());
  }
  for (const char* name : {"assign_adapter", "vendor/remove", "mdev_type/vfg_id", "uevent", "drivers"}) {
    CHECK(why_never_set(*AttributeName::parse(name)).empty());
  }
}

TEST_CASE("an attribute of the type is written to the type, but not the one that creates devices") {
  Definition one = wanted(1);
  one.attributes = {{*AttributeName::parse("mdev_type/weight"), "4"}};
  const Job job = plan_start(host({}), one);
  REQUIRE(action<WriteTypeAttribute>(job) != nullptr);
  one.attributes = {{*AttributeName::parse("mdev_type/create"), "4"}};
  try {
    plan_start(host({}), one);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    CHECK(std::string(error.what())
              .ends_with("attribute 'mdev_type/create' cannot be set: a write to this file "
                         "creates another device"));
  }
}
