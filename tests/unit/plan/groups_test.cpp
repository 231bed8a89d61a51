#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/shared_capacity.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/util/error.hpp>

#include <fmt/format.h>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const ParentName gpu = *ParentName::parse("0000:86:00.0");

Uuid uuid(int number) {
  return *Uuid::parse(fmt::format("00000000-0000-0000-0000-{:012x}", number));
}

Type type(const std::string& id, std::uint64_t available, const std::string& description) {
  return {.id = *TypeName::parse(id),
          .description = description,
          .available = available,
          .properties = parse_properties(description)};
}

Parent m60(std::uint64_t small, std::uint64_t big) {
  Parent parent{.name = gpu, .path = "sys/devices/gpu"};
  parent.types = {type("nvidia-14", small, "num_heads=2, framebuffer=1024M, max_instance=8"),
                  type("nvidia-17", big, "num_heads=4, framebuffer=4096M, max_instance=2")};
  return parent;
}

Definition definition(int number, const std::string& type_id) {
  return {uuid(number), gpu, *TypeName::parse(type_id)};
}

struct World {
  Snapshot seen;
  Definitions defined;
  Group group{*GroupName::parse("vm1")};

  explicit World(const std::vector<std::string>& types) {
    seen.mdev_support = true;
    seen.parents = {m60(8, 2)};
    for (std::size_t i = 0; i < types.size(); ++i) {
      defined.all.push_back(definition(static_cast<int>(i) + 1, types[i]));
      group.members.push_back({defined.all.back().uuid});
    }
  }

  std::string refusal() const {
    try {
      plan_group_start(seen, group, defined, {});
    } catch (const Error& error) {
      return fmt::format("{} {}", static_cast<int>(error.code()), error.what());
    }
    return "none";
  }
};

}  // namespace

TEST_CASE("a group start is planned as all-or-none and creates all devices before later stages") {
  World world({"nvidia-17", "nvidia-17"});
  world.defined.all[0].node = NodePolicy{"kvm", std::nullopt, std::nullopt};
  const Plan plan = plan_group_start(world.seen, world.group, world.defined, {});
  CHECK(plan.bond == Bond::all_or_none);
  REQUIRE(plan.jobs.size() == 2);
  CHECK(plan.jobs[0].goal == "start '" + uuid(1).str() + "' of group 'vm1'");
  for (const Step& step : plan.jobs[0].steps) {
    const bool makes = std::holds_alternative<CreateDevice>(step.action) ||
                       (std::holds_alternative<KeepRecord>(step.action) &&
                        !std::get<KeepRecord>(step.action).record.finished);
    CHECK((step.stage == 0) == makes);
  }
}

TEST_CASE("a group that exceeds the capacity is refused with the first member that does not fit") {
  CHECK(World({"nvidia-17", "nvidia-17", "nvidia-17"}).refusal() ==
        "6 cannot start group 'vm1': member '" + uuid(3).str() +
            "': no available instances of nvidia-17 on 0000:86:00.0 together with other members of the "
            "group: 2 x nvidia-17");
  CHECK(World({"nvidia-17", "nvidia-14"}).refusal() ==
        "6 cannot start group 'vm1': member '" + uuid(2).str() +
            "': no available instances of nvidia-14 on 0000:86:00.0 together with other members of the "
            "group: nvidia-17");
}

TEST_CASE("active members need no capacity and plan no steps") {
  World world({"nvidia-17", "nvidia-17"});
  world.seen.parents = {m60(0, 1)};
  world.seen.devices.push_back({.uuid = uuid(1), .parent = gpu, .type = TypeName::parse("nvidia-17")});
  const Plan plan = plan_group_start(world.seen, world.group, world.defined, {});
  CHECK(plan.jobs[0].steps.empty());
  CHECK_FALSE(plan.jobs[1].steps.empty());
}

TEST_CASE("a group without members or with undefined or ambiguous members is refused") {
  CHECK(World({}).refusal() == "1 cannot start group 'vm1': the group has no members");
  World world({"nvidia-17"});
  world.group.members.push_back({uuid(9)});
  CHECK(world.refusal() == "3 cannot start group 'vm1': member '" + uuid(9).str() + "' is not defined");
  world.group.members = {{uuid(1)}};
  world.defined.all.push_back({uuid(1), *ParentName::parse("other"), *TypeName::parse("t")});
  CHECK(world.refusal().starts_with("4 cannot start group 'vm1': member '" + uuid(1).str() +
                                    "' is defined under several"));
  world.group.members = {{uuid(1), gpu}};
  CHECK(world.refusal() == "none");
}

TEST_CASE("a group in use is not stopped and all processes that use it are reported") {
  World world({"nvidia-17", "nvidia-17"});
  for (int i = 1; i <= 2; ++i) {
    world.seen.devices.push_back({.uuid = uuid(i), .parent = gpu, .type = TypeName::parse("nvidia-17")});
  }
  CHECK(plan_group_stop(world.seen, world.group, world.defined, {}).backwards);
  for (Device& device : world.seen.devices) {
    device.busy = true;
    device.holders = {{812, "qemu"}};
  }
  try {
    plan_group_stop(world.seen, world.group, world.defined, {});
    FAIL("it was not refused");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::in_use);
    CHECK(error.holders().size() == 2);
    CHECK(std::string(error.what()) == "cannot stop group 'vm1': '" + uuid(1).str() +
                                           "' is in use by qemu (pid 812); '" + uuid(2).str() +
                                           "' is in use by qemu (pid 812)");
  }
  CHECK(plan_group_stop(world.seen, world.group, world.defined, {.force = true}).jobs.size() == 2);
  CHECK(plan_group_release(world.seen, world.group, world.defined, std::chrono::seconds(1), false)
            .jobs.size() == 2);
}

TEST_CASE("a device can be a member of only one group") {
  World world({"nvidia-17"});
  Groups groups;
  groups.all = {world.group};
  const Group other{*GroupName::parse("vm2"), world.group.members};
  CHECK_THROWS_AS(plan_group_create(groups, other), Error);
  CHECK_THROWS_AS(plan_group_create(groups, world.group), Error);
  CHECK_THROWS_AS(plan_group_rename(groups, world.group, world.group.name), Error);
  CHECK(plan_group_change(groups, world.group, world.group).notes ==
        std::vector<std::string>{"group 'vm1' is unchanged"});
  CHECK_THROWS_AS(require_group(groups, "vm2", "cannot x"), Error);
  CHECK(groups.of(world.defined.all[0])->name == world.group.name);
}

TEST_CASE("GVT-g types share capacity if the available instances match a known memory size") {
  const auto gvt = [](std::vector<std::uint64_t> left) {
    Parent parent{.name = gpu, .path = "sys/devices/gpu"};
    const std::vector<std::string> names{"8", "4", "2", "1"};
    for (std::size_t i = 0; i < left.size(); ++i) {
      const auto known = plan::gvt_types_for(~std::uint64_t{0})[i];
      parent.types.push_back(type("i915-GVTg_V5_" + names[i], left[i],
                                  fmt::format("low_gm_size: {}MB\nhigh_gm_size: {}MB\nfence: {}", known.low,
                                              known.high, known.fences)));
    }
    return parent;
  };
  plan::Capacity room = capacity_of(gvt({7, 5, 2, 1}), {});
  room.take("i915-GVTg_V5_4");
  CHECK(room.left("i915-GVTg_V5_8") == 5);
  Device live{.uuid = uuid(1), .parent = gpu, .type = TypeName::parse("i915-GVTg_V5_4")};
  CHECK(capacity_of(gvt({5, 4, 2, 1}), {live}).left("i915-GVTg_V5_1") == 1);
  // If the size of the memory is unknown, each type is counted separately.
  plan::Capacity unknown = capacity_of(gvt({3, 3, 3, 3}), {});
  unknown.take("i915-GVTg_V5_1");
  CHECK(unknown.left("i915-GVTg_V5_8") == 3);
}

TEST_CASE("types of the sample drivers share capacity") {
  Parent mtty{.name = *ParentName::parse("mtty"), .path = "x"};
  mtty.types = {type("mtty-1", 5, ""), type("mtty-2", 2, "")};
  plan::Capacity ports = capacity_of(mtty, {});
  ports.take("mtty-2");
  CHECK(ports.left("mtty-1") == 3);
  CHECK(ports.left("mtty-2") == 1);
  Parent mdpy{.name = *ParentName::parse("mdpy"), .path = "x"};
  mdpy.types = {type("mdpy-vga", 2, ""), type("mdpy-hd", 2, "")};
  plan::Capacity displays = capacity_of(mdpy, {});
  displays.take("mdpy-vga");
  displays.take("mdpy-hd");
  CHECK(displays.left("mdpy-vga") == 0);
  // Also if the parent was full.
  mtty.types = {type("mtty-1", 0, ""), type("mtty-2", 0, "")};
  plan::Capacity full = capacity_of(mtty, {});
  CHECK(full.left("mtty-1") == 0);
  full.give_back("mtty-2");
  CHECK(full.left("mtty-1") == 2);
  CHECK(full.left("mtty-2") == 1);
}

TEST_CASE("on a GPU with virtual functions a group starts members with larger framebuffers first") {
  World world({"nvidia-14", "nvidia-17", "nvidia-14"});
  Parent& parent = world.seen.parents[0];
  parent.capabilities.functions = true;
  parent.types[0].name = "NVIDIA L40S-2Q";
  parent.types[1].name = "NVIDIA L40S-12Q";
  for (int number = 4; number < 8; ++number) {
    Function function{.address = fmt::format("0000:86:00.{}", number), .path = "sys/vf"};
    for (const Type& one : parent.types) {
      function.creatable.push_back({one.id, *one.name});
    }
    parent.functions.push_back(function);
  }
  const Plan plan = plan_group_start(world.seen, world.group, world.defined, {});
  std::vector<Uuid> order;
  for (const Job& job : plan.jobs) {
    order.push_back(job.about.uuid.value());
  }
  CHECK(order == std::vector{uuid(2), uuid(1), uuid(3)});
}

TEST_CASE("the free memory of a GPU follows from the maximum instances if the driver reports no others") {
  Parent parent = m60(0, 0);
  for (Type& one : parent.types) {
    one.available.reset();
  }
  parent.types[0].maximum = 8;
  parent.types[1].maximum = 2;
  CHECK(capacity_of(parent, {}).left("nvidia-14") == 8);
  CHECK(capacity_of(parent, {}).left("nvidia-17") == 2);
  parent.types.erase(parent.types.begin());
  const auto active = [](int number) {
    return Device{.uuid = uuid(number), .parent = gpu, .type = TypeName::parse("nvidia-17")};
  };
  CHECK(capacity_of(parent, {active(1)}).left("nvidia-17") == 1);
  CHECK(capacity_of(parent, {active(1), active(2)}).left("nvidia-17") == 0);
  CHECK(capacity_of(parent, {active(1), active(2), active(3)}).left("nvidia-17") == 0);
}
