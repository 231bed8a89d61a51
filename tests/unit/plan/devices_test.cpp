#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"
#include "plan_start.hpp"

using namespace mdevadm;
using test::plan_start;

namespace {

const Uuid uuid = *Uuid::parse("c0ffee00-1111-4222-8333-444444444444");
const ParentName gpu = *ParentName::parse("0000:2b:00.0");

Snapshot host_with(std::optional<std::uint64_t> available) {
  Snapshot seen;
  seen.mdev_support = true;
  Parent parent{.name = gpu, .path = "sys/devices/pci0000:00/0000:2b:00.0"};
  parent.home = parent.path;
  parent.types.push_back({.id = *TypeName::parse("nvidia-17"), .available = available});
  parent.types.push_back({.id = *TypeName::parse("nvidia-18"), .available = 0});
  seen.parents.push_back(std::move(parent));
  return seen;
}

Definition wanted(const char* type = "nvidia-17") {
  return {uuid, gpu, *TypeName::parse(type)};
}

Device live(const char* parent, const char* type) {
  return {.uuid = uuid,
          .parent = *ParentName::parse(parent),
          .type = TypeName::parse(type),
          .path = "sys/devices/x"};
}

Error refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return {ExitCode::done, "no Error"};
}

std::vector<std::string> texts(const Job& job) {
  std::vector<std::string> result;
  for (const Step& step : job.steps) {
    result.push_back(describe(step.action));
  }
  return result;
}

}  // namespace

TEST_CASE("start creates the device and sets attributes in order and waits and sets the node policy") {
  Definition definition = wanted();
  definition.attributes = {{*AttributeName::parse("b"), "1"}, {*AttributeName::parse("a"), "2"}};
  definition.node = NodePolicy{"qemu", std::nullopt, 0660};
  const Job job = plan_start(host_with(1), definition);
  CHECK(texts(job) == std::vector<std::string>{
                          "record runtime state of c0ffee00-1111-4222-8333-444444444444: starting",
                          "create nvidia-17 on 0000:2b:00.0 as c0ffee00-1111-4222-8333-444444444444",
                          "set attribute b of c0ffee00-1111-4222-8333-444444444444 to '1'",
                          "set attribute a of c0ffee00-1111-4222-8333-444444444444 to '2'",
                          "wait for the VFIO node of c0ffee00-1111-4222-8333-444444444444",
                          "set VFIO node of c0ffee00-1111-4222-8333-444444444444: owner qemu, mode 0660",
                          "record runtime state of c0ffee00-1111-4222-8333-444444444444: started"});
  REQUIRE(job.steps[1].undo);
  const auto& undo = std::get<RemoveDevice>(*job.steps[1].undo);
  CHECK(undo.device.path == "sys/devices/pci0000:00/0000:2b:00.0/c0ffee00-1111-4222-8333-444444444444");
  CHECK(job.lane == gpu.str());
}

TEST_CASE("start of an active device as defined plans no steps") {
  Snapshot seen = host_with(0);
  seen.devices.push_back(live("0000:2b:00.0", "nvidia-17"));
  const Job job = plan_start(seen, wanted());
  CHECK(job.steps.empty());
  CHECK(job.notes.front() == job.about.quoted() + " is already active");
}

TEST_CASE("start of a device that is being created waits until its type is visible") {
  Snapshot seen = host_with(1);
  seen.devices.push_back(live("0000:2b:00.0", "nvidia-17"));
  seen.devices[0].type.reset();
  const Job job = plan_start(seen, wanted());
  REQUIRE(job.steps.size() == 1);
  CHECK(std::get<AwaitDevice>(job.steps[0].action).device.type->str() == "nvidia-17");
  CHECK_FALSE(job.steps[0].undo);
}

TEST_CASE("start of a UUID active with another type or parent is a conflict") {
  Snapshot seen = host_with(1);
  seen.devices.push_back(live("0000:2b:00.0", "nvidia-18"));
  CHECK(refusal([&] { plan_start(seen, wanted()); }).code() == ExitCode::conflict);
  seen.devices = {live("mtty", "nvidia-17")};
  CHECK(refusal([&] { plan_start(seen, wanted()); }).code() == ExitCode::conflict);
}

TEST_CASE("start reports a missing parent or type with similar or available names") {
  Definition elsewhere = wanted();
  elsewhere.parent = *ParentName::parse("0000:2B:00.0");
  const Error parent = refusal([&] { plan_start(host_with(1), elsewhere); });
  CHECK(parent.code() == ExitCode::not_found);
  CHECK(parent.hints() ==
        std::vector<std::string>{"move the definition to that parent: mdevadm modify "
                                 "c0ffee00-1111-4222-8333-444444444444 --new-parent 0000:2b:00.0"});
  const Error type = refusal([&] { plan_start(host_with(1), wanted("grid")); });
  CHECK(type.code() == ExitCode::not_found);
  CHECK(type.hints() == std::vector<std::string>{"available types: nvidia-17, nvidia-18"});
  CHECK(refusal([&] { plan_start(Snapshot{}, wanted()); }).hints().at(0).find("not loaded") !=
        std::string::npos);
}

TEST_CASE("start is refused without available instances and attempted if their number is unknown") {
  CHECK(refusal([&] { plan_start(host_with(0), wanted()); }).code() == ExitCode::no_capacity);
  CHECK(plan_start(host_with(std::nullopt), wanted()).steps.size() == 2);
}

TEST_CASE("start is refused if the parent lacks a capability required by the definition") {
  Definition definition = wanted();
  definition.aggregate = 4;
  CHECK(refusal([&] { plan_start(host_with(1), definition); }).code() == ExitCode::failed);
  definition.aggregate = 1;
  CHECK_NOTHROW(plan_start(host_with(1), definition));
  definition.create_args = "vm_uuid=1";
  CHECK(refusal([&] { plan_start(host_with(1), definition); }).code() == ExitCode::failed);
  Snapshot able = host_with(1);
  able.parents[0].capabilities.create_arguments = Support::yes;
  CHECK_NOTHROW(plan_start(able, definition));
}

TEST_CASE("stop of a device in use is refused or waits with a timeout or is forced") {
  using namespace std::chrono_literals;
  Snapshot seen;
  seen.devices.push_back(live("mtty", "mtty-1"));
  seen.devices[0].holders = {{812, "qemu"}, {99, ""}};
  seen.devices[0].busy = true;
  const ParentName mtty = *ParentName::parse("mtty");
  const Error error = refusal([&] { plan_stop(seen, {{.uuid = uuid}}, mtty); });
  CHECK(error.code() == ExitCode::in_use);
  CHECK(error.holders() == seen.devices[0].holders.list());
  CHECK(std::string(error.what()).find("it is in use by qemu (pid 812), pid 99") != std::string::npos);
  const Job waits = plan_stop(seen, {{.uuid = uuid}, 5s, false}, mtty);
  CHECK(texts(waits)[0] == "wait up to 5 s for the release of c0ffee00-1111-4222-8333-444444444444");
  CHECK_FALSE(std::get<AwaitRelease>(waits.steps[0].action).forced);
  const Job forced = plan_stop(seen, {{.uuid = uuid}, 0s, true}, mtty);
  // The type is recorded because the kernel does not report it while the removal is pending.
  REQUIRE(forced.steps.size() == 3);
  CHECK(std::get<KeepRecord>(forced.steps[0].action).record.type.str() == "mtty-1");
  CHECK(std::get<RemoveDevice>(forced.steps[1].action).forced);
  CHECK(std::holds_alternative<DropRecord>(forced.steps[2].action));
}

TEST_CASE("a stop that is a part of a restart is called a restart in errors and does not offer force") {
  Snapshot seen;
  seen.devices.push_back(live("mtty", "mtty-1"));
  seen.devices[0].holders = {{812, "qemu"}};
  seen.devices[0].busy = true;
  StopRequest request{{.uuid = uuid}};
  request.part_of = StopRequest::Part::restart;
  const Error error = refusal([&] { plan_stop(seen, request, *ParentName::parse("mtty")); });
  CHECK(std::string(error.what()) == "cannot restart '" + uuid.str() + "': it is in use by qemu (pid 812)");
  REQUIRE(error.hints().size() == 1);
  CHECK(error.hints()[0].find("--force") == std::string::npos);
  CHECK(plan_release(seen, seen.devices[0], request).goal_of_command() == "restart '" + uuid.str() + "'");
}

TEST_CASE("a pending removal without a known user of the device does not state one") {
  Device device = live("mtty", "mtty-1");
  CHECK(describe_removal(device) == "its removal is pending; no process that uses the device was found");
  device.holders = {{812, "qemu"}};
  CHECK(describe_removal(device) == "its removal is pending until qemu (pid 812) closes the device");
}

TEST_CASE("messages name a device as the user typed it, with the UUID if that is another word") {
  Identity about{.uuid = uuid, .name = "seat1"};
  const std::string seat = "'seat1' (" + uuid.str() + ")";
  CHECK(about.quoted() == seat);
  about.argument = "c0ff";
  CHECK(about.quoted() == "'c0ff' (" + uuid.str() + ")");
  about.argument = "C0FFEE00-1111-4222-8333-444444444444";
  CHECK(about.quoted() == "'" + uuid.str() + "'");
  Snapshot seen;
  seen.devices.push_back(live("mtty", "mtty-1"));
  seen.devices[0].busy = true;
  const Error error =
      refusal([&] { plan_stop(seen, {{.uuid = uuid, .argument = "seat1"}}, *ParentName::parse("mtty")); });
  CHECK(std::string(error.what()).starts_with("cannot stop " + seat + ": it is in use"));
  const Snapshot host = host_with(1);
  CHECK(StartPlanner(host).plan(wanted(), "seat1").goal == "start " + seat);
}

TEST_CASE("processes that use a device are described with their certainty") {
  CHECK(describe(std::vector<Holder>{}) == "an unknown process");
  CHECK(describe(std::vector<Holder>{{812, "qemu"}, {99, "", false}}) == "qemu (pid 812), probably pid 99");
}

TEST_CASE("stop of an inactive device plans no steps") {
  const Job job = plan_stop({}, {{.uuid = uuid}}, *ParentName::parse("mtty"));
  CHECK(job.steps.empty());
  CHECK(job.notes.front() == job.about.quoted() + " is not active");
}

TEST_CASE("devices of a virtual machine that go offline with one write are stopped together") {
  const std::string vm = "8f3c2a10-0000-4000-8000-000000000001";
  Snapshot seen = host_with(1);
  seen.parents[0].capabilities = {.online = true, .online_together = true, .numbered = true};
  std::vector<Uuid> uuids;
  for (const char* number : {"-0", "-1", "-2"}) {
    Device device = live("0000:2b:00.0", "nvidia-17");
    device.name = (number == std::string("-2") ? "9" + vm.substr(1) : vm) + number;
    device.uuid = Uuid::of_name(device.name.str());
    uuids.push_back(device.uuid);
    seen.devices.push_back(std::move(device));
  }
  const auto stop = [&](std::size_t i, const std::vector<Uuid>& together) {
    return texts(plan_stop(seen, {{.uuid = uuids[i]}}, gpu, together));
  };
  const Error error = refusal([&] { stop(0, {uuids[0]}); });
  CHECK(error.code() == ExitCode::conflict);
  CHECK(std::string(error.what()).find("but '" + uuids[1].str() + "' is not being stopped") !=
        std::string::npos);
  CHECK(error.hints() == std::vector<std::string>{"stop them together: mdevadm stop " + uuids[0].str() + " " +
                                                  uuids[1].str()});
  // Stops run in reverse order: the last device is the first that is stopped.
  const std::vector<Uuid> both{uuids[0], uuids[1]};
  CHECK(stop(1, both).size() == 2);
  CHECK(stop(1, both)[0].find("offline") != std::string::npos);
  CHECK(stop(0, both).size() == 1);
  CHECK(stop(2, {uuids[2]}).size() == 2);
}

TEST_CASE("a wait for the release of a device gives the advice of a stop that waits, and respects claims") {
  using namespace std::chrono_literals;
  Snapshot seen;
  seen.devices.push_back(live("mtty", "mtty-1"));
  seen.devices[0].busy = true;
  const StopRequest request{{.uuid = uuid}, 5s, false};
  const Job stop = plan_stop(seen, request, *ParentName::parse("mtty"));
  const Job release = plan_release(seen, seen.devices[0], request);
  REQUIRE(release.steps.size() == 1);
  CHECK(release.lane == uuid.str());
  CHECK(std::get<AwaitRelease>(release.steps[0].action).advice ==
        std::get<AwaitRelease>(stop.steps[0].action).advice);
  seen.claims.all.push_back({.uuid = uuid, .group = "pool", .at = {}});
  CHECK(refusal([&] { plan_release(seen, seen.devices[0], request); }).code() == ExitCode::in_use);
}
