#include <mdevadm/plan/probe.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

TypeName type_name(const char* name) {
  return *TypeName::parse(name);
}

// The ports of mtty: mtty-2 uses two of them.
Snapshot serial_ports(std::uint64_t ports = 24) {
  Snapshot seen;
  Parent parent{.name = *ParentName::parse("mtty"), .path = "sys/devices/virtual/mtty/mtty"};
  parent.types = {{.id = type_name("mtty-1"), .name = "Single port serial", .available = ports},
                  {.id = type_name("mtty-2"), .name = "Dual port serial", .available = ports / 2}};
  seen.parents = {parent};
  return seen;
}

Device device(const char* uuid) {
  return {.uuid = *Uuid::parse(uuid), .parent = *ParentName::parse("mtty"), .type = type_name("mtty-1")};
}

std::chrono::steady_clock::time_point later() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(30);
}

}  // namespace

TEST_CASE("a list of types with counts is parsed") {
  const auto wanted = parse_type_counts("nvidia-36=2, GRID M60-2Q ,a=b=3");
  REQUIRE(wanted);
  REQUIRE(wanted->size() == 3);
  CHECK((*wanted)[0].type == "nvidia-36");
  CHECK((*wanted)[0].count == 2);
  CHECK((*wanted)[1].type == "GRID M60-2Q");
  CHECK((*wanted)[1].count == 1);
  CHECK((*wanted)[2].type == "a=b");
  for (const char* bad :
       {"", ",", "a,", "=1", "a=", "a=0", "a=-1", "a=1x", "a=513", "a=18446744073709551616"}) {
    INFO(bad);
    CHECK_FALSE(parse_type_counts(bad));
  }
}

TEST_CASE("counts of the same type in different forms add up") {
  const Snapshot seen = serial_ports();
  const auto counts = counts_on(seen.parents[0], {{"mtty-2", 1}, {"Single port serial", 2}, {"mtty-1", 3}});
  REQUIRE(counts);
  CHECK(*counts == TypeCounts{{type_name("mtty-1"), 5}, {type_name("mtty-2"), 1}});
  CHECK(describe(*counts) == "5 of mtty-1 and 1 of mtty-2");
  CHECK_FALSE(counts_on(seen.parents[0], {{"mtty-1", 1}, {"nosuch", 1}}));
}

TEST_CASE("available instances after devices are computed from the shared resources") {
  const Snapshot seen = serial_ports();
  const Remainder some = remainder_after(seen.parents[0], seen, {{type_name("mtty-2"), 3}}, false);
  CHECK_FALSE(some.short_of);
  CHECK(some.left_of(type_name("mtty-1")) == 18U);
  CHECK(some.left_of(type_name("mtty-2")) == 9U);
  CHECK_FALSE(some.left_of(type_name("other")));
  const Remainder all =
      remainder_after(seen.parents[0], seen, {{type_name("mtty-1"), 2}, {type_name("mtty-2"), 12}}, false);
  REQUIRE(all.short_of);
  CHECK(all.short_of->type == type_name("mtty-2"));
  CHECK(all.short_of->count == 11);
  CHECK(all.left.empty());
}

TEST_CASE("a type of which the driver reports no instances has no number") {
  Snapshot seen = serial_ports();
  seen.parents[0].types = {{.id = type_name("x")}};
  const Remainder left = remainder_after(seen.parents[0], seen, {}, false);
  CHECK(left.left_of(type_name("x")).value_or(0) == 0);
}

TEST_CASE("a probe is a trial that creates all devices and then reads the instances") {
  const Snapshot seen = serial_ports();
  const TypeCounts counts{{type_name("mtty-1"), 2}, {type_name("mtty-2"), 1}};
  const Job job = plan_probe(seen, seen.parents[0], counts, later());
  CHECK(job.trial);
  CHECK_FALSE(job.hooks);
  CHECK(job.goal == "probe 'mtty' with 2 of mtty-1 and 1 of mtty-2");
  std::vector<Uuid> created;
  for (const Step& step : job.steps) {
    CHECK(step.stage == 0);
    if (const auto* create = std::get_if<CreateDevice>(&step.action)) {
      created.push_back(create->what.uuid);
      REQUIRE(step.undo);
      CHECK(std::get<RemoveDevice>(*step.undo).device.uuid == create->what.uuid);
      CHECK(std::get<RemoveDevice>(*step.undo).deadline);
    }
  }
  CHECK(created.size() == 3);
  REQUIRE(std::holds_alternative<NoteRemainder>(job.steps.back().action));
  CHECK(std::get<NoteRemainder>(job.steps.back().action).created == counts);

  // What it leaves if it is killed is found again, and is not in the way.
  Snapshot after = seen;
  for (const Uuid& uuid : created) {
    after.devices.push_back({.uuid = uuid, .parent = *ParentName::parse("mtty")});
  }
  CHECK(left_by_probe(after, *ParentName::parse("mtty")).size() == 3);
  CHECK(left_by_probe(after, *ParentName::parse("other")).empty());
  CHECK_NOTHROW(require_idle(after, after.parents[0], "cannot probe 'mtty'"));
}

TEST_CASE("a parent with devices is not probed") {
  Snapshot seen = serial_ports();
  seen.devices = {device("8f3c2a10-0000-4000-8000-000000000001")};
  CHECK_THROWS_AS(require_idle(seen, seen.parents[0], "cannot probe 'mtty'"), Error);
  CHECK(left_by_probe(seen, seen.parents[0].name).empty());
  seen.removing = std::move(seen.devices);
  seen.devices.clear();
  CHECK_THROWS_AS(require_idle(seen, seen.parents[0], "cannot probe 'mtty'"), Error);
}

TEST_CASE("by default each available type is probed with one device") {
  Snapshot seen = serial_ports(1);
  CHECK(usual_probes(seen.parents[0]) == std::vector<TypeCounts>{{{type_name("mtty-1"), 1}}});
}
