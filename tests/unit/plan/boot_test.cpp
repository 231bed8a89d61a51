#include <mdevadm/plan/boot.hpp>

#include <fmt/format.h>

#include "catch.hpp"

using namespace mdevadm;

namespace {

Uuid uuid(int number) {
  return *Uuid::parse(fmt::format("00000000-0000-0000-0000-{:012x}", number));
}

Parent parent(const std::string& name, const std::vector<std::string>& types) {
  Parent result{.name = *ParentName::parse(name), .path = "sys/devices/" + name};
  for (const std::string& type : types) {
    result.types.push_back({.id = *TypeName::parse(type), .available = 8});
  }
  return result;
}

Definition automatic(int number, const std::string& parent_name, const std::string& type = "a-1") {
  return {.uuid = uuid(number),
          .parent = *ParentName::parse(parent_name),
          .type = *TypeName::parse(type),
          .start = StartMode::automatic};
}

Snapshot host(std::vector<Parent> parents) {
  Snapshot seen;
  seen.mdev_support = true;
  seen.parents = std::move(parents);
  return seen;
}

Retry retry_of(const Snapshot& seen, const Definition& definition) {
  const BootAttempt attempt = plan_boot(seen, {std::nullopt, {definition}}, {}, {});
  REQUIRE(attempt.plan.jobs.empty());
  REQUIRE(attempt.refused.size() == 1);
  return attempt.refused.front().error.retry();
}

}  // namespace

TEST_CASE("boot_units contains the autostart devices of each parent and no manual ones") {
  Definitions defined;
  defined.all = {automatic(1, "p"), automatic(2, "p"), automatic(3, "q"), automatic(4, "q")};
  defined.all[3].start = StartMode::manual;
  const std::vector<BootUnit> units = boot_units(host({parent("p", {"a-1"})}), defined, std::nullopt);
  REQUIRE(units.size() == 2);
  CHECK(units[0].wanted.size() == 2);
  CHECK(units[1].wanted.size() == 1);
  CHECK(boot_units(host({}), defined, ParentName::parse("q")).size() == 1);
  CHECK(boot_units(host({}), defined, ParentName::parse("r")).empty());
}

TEST_CASE("parents whose devices go online together form one boot unit") {
  Parent p = parent("p", {"a-1"});
  Parent q = parent("q", {"a-1"});
  p.capabilities.online = q.capabilities.online = true;
  Definitions defined;
  defined.all = {automatic(1, "p"), automatic(2, "q"), automatic(3, "r")};
  const std::vector<BootUnit> units = boot_units(host({p, q, parent("r", {"a-1"})}), defined, std::nullopt);
  REQUIRE(units.size() == 2);
  CHECK(units[0].parents().size() == 2);
  CHECK(units[1].parents().size() == 1);
}

TEST_CASE("retry is later for what may come and no for a type that other devices have used up") {
  CHECK(retry_of(host({}), automatic(1, "p")) == Retry::later);
  CHECK(retry_of(host({parent("p", {})}), automatic(1, "p")) == Retry::later);
  CHECK(retry_of(host({parent("p", {"b-1"})}), automatic(1, "p")) == Retry::perhaps);
  Parent full = parent("p", {"a-1"});
  full.types.front().available = 0;
  // Without devices, GPU instances (MIG) are missing.
  CHECK(retry_of(host({full}), automatic(1, "p")) == Retry::later);
  Snapshot used = host({full});
  used.devices.push_back({.uuid = automatic(9, "p").uuid, .parent = full.name});
  CHECK(retry_of(used, automatic(1, "p")) == Retry::no);
  // So are the types of virtual functions.
  Parent functions = parent("p", {"b-1"});
  functions.capabilities.types_vanish = true;
  CHECK(retry_of(host({functions}), automatic(1, "p")) == Retry::later);
}

TEST_CASE("a device that cannot be started at boot does not prevent the start of others") {
  const BootUnit unit{std::nullopt, {automatic(1, "p"), automatic(2, "p", "wrong"), automatic(3, "p")}};
  const BootAttempt attempt = plan_boot(host({parent("p", {"a-1"})}), unit, {}, {});
  CHECK(attempt.plan.jobs.size() == 2);
  CHECK(attempt.plan.bond == Bond::none);
  REQUIRE(attempt.refused.size() == 1);
  CHECK(attempt.refused.front().about.uuid == uuid(2));
}

TEST_CASE("groups with fixed placements start first, then those with the largest vGPUs") {
  Definitions defined;
  const auto sized = [&](int id, const char* name) -> Definition& {
    Definition& one = defined.all.emplace_back(automatic(id, "p", "1150"));
    one.abi = Abi{{"name", name}};
    return one;
  };
  sized(1, "NVIDIA L40S-4Q");
  sized(2, "NVIDIA L40S-24Q");
  sized(3, "NVIDIA L40S-2Q").attributes.push_back({*AttributeName::parse("nvidia/placement_id"), "8"});
  defined.all.push_back(automatic(4, "p", "L40S-12Q"));
  Groups groups;
  for (const int id : {1, 2, 3, 4}) {
    Group& group = groups.all.emplace_back(Group{*GroupName::parse("g" + std::to_string(id))});
    group.start = StartMode::automatic;
    group.members = {{uuid(id)}};
  }
  std::string order;
  for (const BootUnit& unit : boot_units(groups, defined)) {
    order += unit.group->name.str() + " ";
  }
  CHECK(order == "g3 g2 g4 g1 ");
}

TEST_CASE("a group waits for all its parents at boot and reports the missing ones") {
  Definitions defined;
  defined.all = {automatic(1, "p"), automatic(2, "q"), automatic(3, "r")};
  Groups groups;
  groups.all.push_back({*GroupName::parse("vm")});
  groups.all.back().start = StartMode::automatic;
  groups.all.back().members = {{uuid(1)}, {uuid(2)}, {uuid(3)}};
  groups.all.push_back({*GroupName::parse("by-hand")});
  const std::vector<BootUnit> units = boot_units(groups, defined);
  REQUIRE(units.size() == 1);

  const Snapshot one = host({parent("p", {"a-1"})});
  const BootAttempt attempt = plan_boot(one, units.front(), defined, {});
  REQUIRE(attempt.refused.size() == 1);
  CHECK(std::string(attempt.refused.front().error.what()) ==
        "cannot start group 'vm': missing parent devices: q, r");
  CHECK(attempt.refused.front().error.retry() == Retry::later);
  Snapshot explained = one;
  explained.host_devices["q"] = {{.address = "q", .bus = "pci"}};
  const BootAttempt other = plan_boot(explained, units.front(), defined, {});
  REQUIRE(other.refused.size() == 1);
  CHECK(std::string(other.refused.front().error.what()) ==
        "cannot start group 'vm': missing parent device: r; q has no driver");
  CHECK(other.refused.front().error.retry() == Retry::later);
  CHECK(boot_units_with(one, units, *ParentName::parse("p")).empty());

  const Snapshot all = host({parent("p", {"a-1"}), parent("q", {"a-1"}), parent("r", {"a-1"})});
  CHECK(boot_units_with(all, units, *ParentName::parse("p")).size() == 1);
  CHECK(boot_units_with(all, units, *ParentName::parse("s")).empty());
  const BootAttempt whole = plan_boot(all, units.front(), defined, {});
  CHECK(whole.plan.jobs.size() == 3);
  CHECK(whole.plan.bond == Bond::all_or_none);
}
