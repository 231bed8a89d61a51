#include <mdevadm/plan/restart.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const Uuid a = *Uuid::parse("c0ffee00-1111-4222-8333-444444444444");
const ParentName gpu = *ParentName::parse("0000:2b:00.0");
const ParentName other = *ParentName::parse("0000:2c:00.0");

Snapshot host() {
  Snapshot seen;
  seen.mdev_support = true;
  Parent parent{.name = gpu, .path = "sys/devices/x"};
  parent.types.push_back({.id = *TypeName::parse("nvidia-17"), .available = 0});
  parent.types.push_back({.id = *TypeName::parse("nvidia-18"), .available = 0});
  seen.parents.push_back(std::move(parent));
  seen.devices.push_back({.uuid = a, .parent = gpu, .type = TypeName::parse("nvidia-17"), .path = "x"});
  return seen;
}

Definition defined(const ParentName& parent, const char* type = "nvidia-17") {
  return {a, parent, *TypeName::parse(type)};
}

}  // namespace

TEST_CASE("after a stop the instance of the device is available and those of other types are unknown") {
  const Snapshot after = after_stop(host(), {a});
  CHECK(after.find_device(a) == nullptr);
  CHECK(after.parents[0].types[0].available == 1);
  CHECK_FALSE(after.parents[0].types[1].available.has_value());
  CHECK_NOTHROW(StartPlanner(after).plan(defined(gpu)));
  CHECK_NOTHROW(StartPlanner(after).plan(defined(gpu, "nvidia-18")));
  CHECK_THROWS_AS(StartPlanner(after).plan(defined(gpu, "nvidia-19")), Error);
}

TEST_CASE("after a stop the virtual function of the device is available") {
  Snapshot seen = host();
  seen.parents[0].capabilities.functions = true;
  seen.parents[0].functions.push_back(
      {.address = "0000:2b:00.4", .path = "y", .type = TypeName::parse("nvidia-17")});
  seen.devices[0].vf = "0000:2b:00.4";
  const Snapshot after = after_stop(seen, {a});
  CHECK_FALSE(after.parents[0].functions[0].type.has_value());
  CHECK_NOTHROW(StartPlanner(after).plan(defined(gpu)));
}

TEST_CASE("after a stop all free virtual functions may accept each type") {
  Snapshot seen = host();
  seen.parents[0].capabilities.functions = true;
  seen.parents[0].functions = {{.address = "0000:2b:00.4", .path = "y", .type = TypeName::parse("nvidia-17")},
                               {.address = "0000:2b:00.5", .path = "z"},
                               {.address = "0000:2b:00.6", .path = "u", .usable = false}};
  seen.devices[0].vf = "0000:2b:00.4";
  const Snapshot after = after_stop(seen, {a});
  CHECK(after.parents[0].functions[0].creatable.size() == 2);
  CHECK(after.parents[0].functions[1].creatable.size() == 2);
  CHECK(after.parents[0].functions[2].creatable.empty());
}

TEST_CASE("a type that is only listed while it fits is listed after the stop of its device") {
  Snapshot seen = host();
  seen.parents[0].types.erase(seen.parents[0].types.begin());
  CHECK_NOTHROW(StartPlanner(after_stop(seen, {a})).plan(defined(gpu)));
}

TEST_CASE("the type of a stopped device is not uncertain") {
  Snapshot seen = host();
  for (Type& type : seen.parents[0].types) {
    type.hidden = true;
  }
  const Snapshot after = after_stop(seen, {a});
  CHECK_FALSE(after.parents[0].types[0].hidden);
  CHECK(after.parents[0].types[1].hidden);
}

TEST_CASE("the definition under the parent of the active device is restarted") {
  const Snapshot seen = host();
  const Definition here = defined(gpu);
  const Definition there = defined(other);
  CHECK(&definition_to_restart({"a", a, &seen.devices[0], {&there, &here}}, "cannot") == &here);
  CHECK(&definition_to_restart({"a", a, nullptr, {&there}}, "cannot") == &there);
  for (const Found& found :
       {Found{"a", a, &seen.devices[0], {}}, Found{"a", a, &seen.devices[0], {&there}}}) {
    try {
      definition_to_restart(found, "cannot restart 'x'");
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::conflict);
      CHECK(!error.hints().empty());
    }
  }
}

TEST_CASE("a start after a stop begins after all stages of the stop") {
  const Job start = start_after_stop(StartPlanner(after_stop(host(), {a})).plan(defined(gpu)));
  REQUIRE(!start.steps.empty());
  for (const Step& step : start.steps) {
    CHECK(step.stage >= 2);
  }
}
