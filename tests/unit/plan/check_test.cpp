#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/check.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

struct World {
  Snapshot seen{};
  Definitions defined{};
  Groups groups{};
  AllParentSettings settings{};
  BootEvents boot{};
  HostFacts host{.has_vfio = true, .has_systemd = true};

  World() { seen.mdev_support = true; }

  void define(const std::string& parent, StartMode start = StartMode::manual) {
    defined.all.push_back({.uuid = *Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001"),
                           .parent = *ParentName::parse(parent),
                           .type = *TypeName::parse("mtty-1")});
    defined.all.back().start = start;
  }

  std::vector<std::string> ids() const {
    std::vector<std::string> result;
    for (const ObjectFinding& found : check({seen, defined, groups, settings, boot, host})) {
      result.push_back(std::string(severity_word(found.finding.severity)) + " " + found.finding.id);
    }
    return result;
  }
};

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("a host without parents is a problem only if devices are defined") {
  World world;
  world.seen.mdev_support = false;
  CHECK(world.ids() == Ids{"info mdev-core"});
  world.define("mtty");
  CHECK(world.ids() == Ids{"error parent-missing", "error mdev-core"});
}

TEST_CASE("errors are listed before warnings") {
  World world;
  world.define("mtty", StartMode::automatic);
  world.host.units_off = {"mdevadm.target", "mdevadm-groups.service"};
  world.host.has_vfio = false;
  CHECK(world.ids() == Ids{"error parent-missing", "warning vfio-module", "warning unit-disabled"});
  world.host.has_systemd = false;
  CHECK(world.ids() == Ids{"error parent-missing", "warning vfio-module"});
}

TEST_CASE("the parent of a definition explains itself") {
  World world;
  world.define("0.0.0313");
  HostDevice subchannel{.address = "0.0.0313", .bus = "css", .driver = "io_subchannel"};
  world.seen.host_devices["0.0.0313"] = {subchannel};
  CHECK(world.ids() == Ids{"error css-driver"});
  const auto findings =
      check({world.seen, world.defined, world.groups, world.settings, world.boot, world.host});
  CHECK(findings.at(0).object == "aaaaaaaa-0000-4000-8000-000000000001");
  CHECK(findings.at(0).parent == "0.0.0313");
}

TEST_CASE("GPUs without types are a problem only if a definition needs them") {
  World world;
  world.seen.gpus.push_back({"0000:01:00.0", "10de:1e89", "nouveau"});
  CHECK(world.ids() == Ids{"info gpu-driver"});
  world.define("0000:01:00.0");
  CHECK(world.ids() == Ids{"error gpu-driver"});
}

namespace {

Definition crypto_definition(unsigned number, const char* domains, StartMode start = StartMode::manual) {
  Definition definition{*Uuid::parse(fmt::format("aaaaaaaa-0000-4000-8000-00000000000{}", number)),
                        *ParentName::parse("matrix"), *TypeName::parse("vfio_ap-passthrough")};
  definition.start = start;
  definition.attributes = assignments_of({read_ap_list("5", ApKind::adapter).change.added,
                                          read_ap_list(domains, ApKind::domain).change.added,
                                          {}});
  return definition;
}

}  // namespace

TEST_CASE("definitions and devices that want the same crypto queue or UUID are found") {
  World world;
  world.seen.parents.push_back({.name = *ParentName::parse("matrix"), .path = "sys"});
  world.seen.parents.back().types.push_back({.id = *TypeName::parse("vfio_ap-passthrough")});
  world.defined.all = {crypto_definition(1, "4,20"), crypto_definition(2, "20,71"),
                       crypto_definition(3, "9")};
  CHECK(world.ids() == Ids{"warning queue-shared"});
  world.defined.all[0].start = world.defined.all[1].start = StartMode::automatic;
  CHECK(world.ids() == Ids{"error queue-shared"});
  Device device{.uuid = *Uuid::parse("bbbbbbbb-0000-4000-8000-000000000001"),
                .parent = *ParentName::parse("matrix"),
                .type = TypeName::parse("vfio_ap-passthrough")};
  device.queues = assigned_by(world.defined.all[2].attributes);
  world.seen.devices = {device};
  CHECK(world.ids() == Ids{"error queue-shared", "warning queue-taken", "info device-undefined"});
  world.seen.devices.front().uuid = world.defined.all[2].uuid;
  world.seen.devices.front().parent = *ParentName::parse("other");
  world.seen.devices.front().queues.reset();
  CHECK(world.ids() == Ids{"error queue-shared", "warning uuid-taken"});
}

TEST_CASE("several definitions with the same crypto queue have one finding each, but the first") {
  World world;
  world.seen.parents.push_back({.name = *ParentName::parse("matrix"), .path = "sys"});
  world.seen.parents.back().types.push_back({.id = *TypeName::parse("vfio_ap-passthrough")});
  world.defined.all = {crypto_definition(1, "4"), crypto_definition(2, "4"), crypto_definition(3, "4")};
  CHECK(world.ids() == Ids{"warning queue-shared", "warning queue-shared"});
}

TEST_CASE("active devices and their definitions are checked for numbers that are not on the host") {
  World world;
  world.seen.parents.push_back({.name = *ParentName::parse("matrix"), .path = "sys"});
  world.seen.parents.back().types.push_back({.id = *TypeName::parse("vfio_ap-passthrough")});
  world.seen.ap = ApHost{.adapters = read_ap_list("5", ApKind::adapter).change.added,
                         .domains = read_ap_list("0x14", ApKind::domain).change.added,
                         .control_domains = read_ap_list("0x14", ApKind::domain).change.added};
  const Definition defined = crypto_definition(1, "14");
  Device device{.uuid = defined.uuid, .parent = defined.parent, .type = defined.type};
  device.queues = assigned_by(defined.attributes);
  device.nodes.made().resize(1);
  world.seen.devices = {device};
  CHECK(world.ids() == Ids{"warning queue-missing", "info device-undefined"});
  world.defined.all = {defined};
  CHECK(world.ids() == Ids{"warning queue-missing"});
  const auto advice = [&] {
    const auto findings =
        check({world.seen, world.defined, world.groups, world.settings, world.boot, world.host});
    const auto drift = std::find_if(findings.begin(), findings.end(),
                                    [](const ObjectFinding& one) { return one.finding.id == "drift"; });
    return drift == findings.end() ? "" : drift->finding.advice.at(0);
  };
  CHECK(advice().empty());
  world.seen.devices.front().queues = ApMatrix{};
  CHECK(advice() == "to apply the definition: mdevadm modify " + defined.uuid.str() + " --live");
  world.seen.ap->max_domain = 10;
  CHECK(advice().starts_with("correct the definition: "));
  world.seen.ap->max_domain.reset();
  world.seen.devices.front().queues = assigned_by(defined.attributes);
  world.defined.all.front().attributes = {{*AttributeName::parse("assign_domain"), "5,6"}};
  CHECK(advice().ends_with(" --domain 0x0005-0x0006"));
  world.seen.devices.clear();
  CHECK(world.ids() == Ids{"error queue-value"});
  world.defined.all.front().attributes = {{*AttributeName::parse("assign_control_domain"), "5"}};
  CHECK(world.ids() == Ids{"warning queue-none", "warning queue-missing"});
}

TEST_CASE("numbers that are not on the host are found, without a guess at other ones") {
  World world;
  world.seen.parents.push_back({.name = *ParentName::parse("matrix"), .path = "sys"});
  world.seen.parents.back().types.push_back({.id = *TypeName::parse("vfio_ap-passthrough")});
  world.seen.ap = ApHost{.adapters = read_ap_list("5", ApKind::adapter).change.added,
                         .domains = read_ap_list("0x14", ApKind::domain).change.added};
  world.defined.all = {crypto_definition(1, "14")};
  CHECK(world.ids() == Ids{"warning queue-missing"});
  const auto findings =
      check({world.seen, world.defined, world.groups, world.settings, world.boot, world.host});
  CHECK(findings.at(0).finding.what.starts_with("domain 0x000e is not on this host; "));
  CHECK(findings.at(0).finding.advice.at(1).starts_with("if the host will not have it again, "));
  CHECK(findings.at(0).finding.advice.at(1).ends_with(" --domain NUMBERS"));
}

TEST_CASE("directories that cannot be read are errors") {
  const World world;
  const CheckInput input{world.seen,
                         world.defined,
                         world.groups,
                         world.settings,
                         world.boot,
                         world.host,
                         {{"/etc/mdevadm/devices", 0, 0, "cannot read the definitions"}}};
  const auto findings = check(input);
  REQUIRE(findings.size() == 1);
  CHECK(findings.front().finding.id == "files-unread");
  CHECK(findings.front().object == "/etc/mdevadm/devices");
}
