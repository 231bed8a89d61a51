#include <mdevadm/plan/apply.hpp>
#include <mdevadm/plan/choose.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>

#include "catch.hpp"

using namespace mdevadm;

namespace {

Parent pool_of(const std::string& name, std::uint64_t ports) {
  Parent parent{.name = *ParentName::parse(name), .path = "sys/" + name, .home = "sys/" + name};
  for (const std::uint64_t size : {1U, 2U, 4U}) {
    parent.types.push_back({.id = *TypeName::parse("mtty-" + std::to_string(size)),
                            .name = "Dual port serial",
                            .device_api = "vfio-pci",
                            .available = ports / size});
  }
  return parent;
}

ChoiceRequest request(const std::string& type, std::uint64_t count) {
  return {.type = type, .count = count};
}

// Returns whether sizes fit into pools: tries everything.
bool fit(std::vector<std::uint64_t> pools, std::vector<std::uint64_t> sizes) {
  if (sizes.empty()) {
    return true;
  }
  const std::uint64_t size = sizes.back();
  sizes.pop_back();
  for (std::uint64_t& pool : pools) {
    if (pool >= size) {
      pool -= size;
      if (fit(pools, sizes)) {
        return true;
      }
      pool += size;
    }
  }
  return false;
}

DeviceEntry entry(const std::string& name, std::optional<std::uint64_t> count, const std::string& type) {
  DeviceEntry result{.where = {},
                     .name = name,
                     .count = count,
                     .type = type,
                     .settings = {Uuid{}, *ParentName::parse("any"), *TypeName::parse("any")}};
  return result;
}

// Returns the definitions after a plan.
std::vector<Definition> added(const ApplyPlan& plan) {
  std::vector<Definition> result;
  for (const std::vector<Job>& chain : plan.chains) {
    for (const Job& job : chain) {
      for (const Step& step : job.steps) {
        if (const auto* add = std::get_if<AddDefinition>(&step.action)) {
          result.push_back(add->definition);
        }
      }
    }
  }
  return result;
}

std::vector<std::string> texts_of(const ApplyPlan& plan) {
  std::vector<std::string> result;
  std::transform(plan.problems.begin(), plan.problems.end(), std::back_inserter(result),
                 [](const HostProblem& one) { return one.problem.str(); });
  return result;
}

ApplyPlan planned(const HostFile& file, const Snapshot& seen, const Definitions& defined,
                  const ApplyOptions& options = {}) {
  static const Groups groups;
  static const AllParentSettings settings;
  return plan_apply({file, seen, defined, groups, settings}, options);
}

}  // namespace

TEST_CASE("all devices are placed whenever that is possible") {
  std::mt19937 random(18);
  for (int round = 0; round < 300; ++round) {
    Snapshot seen;
    std::vector<std::uint64_t> pools;
    for (std::size_t i = 0; i < 1 + random() % 3; ++i) {
      pools.push_back(random() % 9);
      seen.parents.push_back(pool_of("p" + std::to_string(i), pools.back()));
    }
    std::vector<ChoiceRequest> requests;
    std::vector<std::uint64_t> sizes;
    for (std::size_t i = 0; i < 1 + random() % 4; ++i) {
      const std::uint64_t size = std::uint64_t{1} << (random() % 3);
      const std::uint64_t count = 1 + random() % 3;
      requests.push_back(request("mtty-" + std::to_string(size), count));
      requests.back().placement = random() % 2 == 0 ? Placement::spread : Placement::pack;
      sizes.insert(sizes.end(), count, size);
    }
    const Definitions none;
    const std::vector<ParentName> mixed;
    Rooms rooms(seen, none, Counting::defined, mixed);
    PlacingEffort effort;
    const Placing placing = place_all(seen, rooms, requests, {}, effort);
    INFO("round " << round);
    REQUIRE(placing.failed.empty() == fit(pools, sizes));
    std::map<std::string, std::uint64_t> used;
    for (std::size_t i = 0; i < placing.places.size(); ++i) {
      REQUIRE((!placing.failed.empty() || placing.places[i].size() == requests[i].count));
      for (const ChosenPlace& place : placing.places[i]) {
        used[place.parent->name.str()] += std::stoul(requests[i].type.substr(5));
      }
    }
    for (std::size_t i = 0; i < pools.size(); ++i) {
      REQUIRE(used["p" + std::to_string(i)] <= pools[i]);
    }
  }
}

TEST_CASE("devices are spread or packed") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 8), pool_of("p1", 8)};
  const Definitions none;
  const std::vector<ParentName> mixed;
  for (const Placement placement : {Placement::spread, Placement::pack}) {
    Rooms rooms(seen, none, Counting::defined, mixed);
    PlacingEffort effort;
    std::vector<ChoiceRequest> requests{request("mtty-1", 4)};
    requests[0].placement = placement;
    const Placing placing = place_all(seen, rooms, requests, {}, effort);
    const auto first =
        std::count_if(placing.places.at(0).begin(), placing.places.at(0).end(),
                      [](const ChosenPlace& place) { return place.parent->name.str() == "p0"; });
    CHECK(first == (placement == Placement::spread ? 2 : 4));
  }
}

TEST_CASE("adding a device moves none") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 8), pool_of("p1", 8)};
  HostFile file;
  file.devices = {entry("a-{}", 3, "mtty-1")};
  file.devices[0].active = false;
  const std::vector<Definition> before = added(planned(file, seen, {}));
  REQUIRE(before.size() == 3);
  CHECK(before[0].applied_by == file.space_or_default());
  Definitions defined;
  defined.all = before;
  CHECK(planned(file, seen, defined).changes.empty());
  file.devices.insert(file.devices.begin(), entry("b", 1, "mtty-4"));
  file.devices[1].count = 4;
  const ApplyPlan plan = planned(file, seen, defined);
  CHECK(plan.problems.empty());
  CHECK(added(plan).size() == 2);
  for (const HostChange& change : plan.changes) {
    CHECK((change.kind == HostChange::Kind::add || change.kind == HostChange::Kind::start));
  }
}

TEST_CASE("all devices that fit are defined, and none is removed later") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 3), pool_of("p1", 2)};
  HostFile file;
  file.devices = {entry("a-{}", std::nullopt, "mtty-1")};
  file.devices[0].active = false;
  Definitions defined;
  defined.all = added(planned(file, seen, {}));
  CHECK(defined.all.size() == 5);
  CHECK(planned(file, seen, defined).changes.empty());
  seen.parents[0] = pool_of("p0", 1);
  CHECK(planned(file, seen, defined).changes.empty());
}

TEST_CASE("only what a description with the same namespace has made is pruned") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 8)};
  HostFile file;
  file.devices = {entry("a-{}", 2, "mtty-1")};
  file.devices[0].active = false;
  Definitions defined;
  defined.all = added(planned(file, seen, {}));
  defined.all.push_back({Uuid::random(), *ParentName::parse("p0"), *TypeName::parse("mtty-1")});
  file.devices[0].count = 1;
  file.devices[0].name = "a-1";
  const ApplyPlan kept = planned(file, seen, defined);
  CHECK(kept.changes.empty());
  CHECK(kept.notes.size() == 1);
  const ApplyPlan pruned = planned(file, seen, defined, {.prune = true});
  REQUIRE(pruned.changes.size() == 1);
  CHECK(pruned.changes[0].kind == HostChange::Kind::remove);
  CHECK(pruned.changes[0].about.name == "a-2");
  file.space = Uuid::random();
  file.devices.clear();
  CHECK(planned(file, seen, defined, {.prune = true}).changes.empty());
}

TEST_CASE("a device in use is not stopped, the others are changed") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 8)};
  HostFile file;
  file.devices = {entry("a-{}", 2, "mtty-1")};
  Definitions defined;
  defined.all = added(planned(file, seen, {}));
  for (const Definition& definition : defined.all) {
    seen.devices.push_back({.uuid = definition.uuid, .parent = definition.parent, .type = definition.type});
  }
  file.devices[0].type = "mtty-2";
  ApplyPlan plan = planned(file, seen, defined);
  CHECK(plan.stopping.size() == 2);
  Snapshot users = seen;
  users.devices[0].busy = true;
  users.devices[0].holders = {{1, "qemu"}};
  const Groups groups;
  const AllParentSettings settings;
  plan = plan_apply({file, seen, defined, groups, settings, &users}, {});
  REQUIRE(plan.refused.size() == 1);
  CHECK(plan.refused[0].error.code() == ExitCode::in_use);
  CHECK(plan.refused[0].about.uuid == seen.devices[0].uuid);
  CHECK(plan.chains.size() == 1);
}

TEST_CASE("what a description says wrongly of the host is reported with its position") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 2)};
  HostFile file;
  file.devices = {entry("a", 1, "none"), entry("b-{}", 3, "mtty-1"), entry("c", 1, "mtty-1")};
  file.devices[2].parents = {"p9"};
  file.groups.push_back({{*GroupName::parse("g")}, {"h", 9, 1}, {{"x", {"h", 9, 12}}}});
  file.paths = {"h"};
  file.devices[0].keys["type"] = {"h", 3, 8};
  file.devices[1].keys["count"] = {"h", 5, 9};
  file.devices[2].keys["parents.0"] = {"h", 8, 12};
  const ApplyPlan plan = planned(file, seen, {});
  CHECK(texts_of(plan) == std::vector<std::string>{
                              "h:3:8: no parent offers type 'none'",
                              "h:5:9: available instances of type mtty-1 for only 2 of 3 devices 'b-{}'",
                              "h:8:12: no parent 'p9' on this host",
                              "h:9:12: group 'g': no device 'x' is described or defined",
                          });
  CHECK(plan.chains.empty());
  CHECK(plan.changes.empty());
}

TEST_CASE("problems of the text, of the parents and of the plan are reported together, by file and line") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 2)};
  HostFile file;
  file.paths = {"2.toml", "1.toml"};
  file.problems = {{"1.toml", 4, 1, "unknown key 'x'"}};
  file.devices = {entry("a", 1, "none")};
  file.devices[0].keys["type"] = {"2.toml", 3, 8};
  const ApplyOptions options{
      .problems = {{{"2.toml", 1, 8, "no device 'p1' on this host"}, ExitCode::not_found}}};
  const ApplyPlan plan = planned(file, seen, {}, options);
  CHECK(texts_of(plan) == std::vector<std::string>{"2.toml:1:8: no device 'p1' on this host",
                                                   "2.toml:3:8: no parent offers type 'none'",
                                                   "1.toml:4:1: unknown key 'x'"});
  CHECK(plan.problems[2].code == ExitCode::failed);
}

TEST_CASE("names and UUIDs are unique over the tables of a description") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 8), pool_of("p1", 8)};
  const auto uuid = Uuid::parse("5f0c6f0e-2f0b-4c62-9d0f-6a3ad7a3f6c1");
  HostFile file;
  file.paths = {"h"};
  file.parents = {{{*ParentName::parse("p0")}, {"h", 1, 8}}, {{*ParentName::parse("p0")}, {"h", 2, 8}}};
  file.groups.push_back({{*GroupName::parse("g")}, {"h", 3, 8}});
  file.groups.push_back({{*GroupName::parse("g")}, {"h", 4, 8}});
  file.devices = {entry("a-2", 1, "mtty-1"),   entry("a-{}", 3, "mtty-1"), entry("r-{}", {}, "mtty-4"),
                  entry("r-{}", {}, "mtty-4"), entry("x", 1, "mtty-1"),    entry("y", 1, "mtty-1")};
  std::size_t line = 10;
  for (DeviceEntry& one : file.devices) {
    one.where = {"h", ++line, 1};
  }
  file.devices[4].uuid = uuid;
  file.devices[5].uuid = uuid;
  CHECK(texts_of(planned(file, seen, {})) ==
        std::vector<std::string>{"h:2:8: parent 'p0' is described twice, first at h:1:8",
                                 "h:4:8: group 'g' is described twice, first at h:3:8",
                                 "h:12:1: device 'a-2' is described twice, first at h:11:1",
                                 "h:14:1: device 'r-{}' is described twice, first at h:13:1",
                                 "h:16:1: 'y' and 'x' have the same UUID " + uuid->str()});
  file.parents.clear();
  file.groups.clear();
  file.devices.erase(file.devices.begin(), file.devices.begin() + 4);
  file.devices[0].parents = {"p0"};
  file.devices[1].parents = {"p1"};
  CHECK(texts_of(planned(file, seen, {})).empty());
  file.devices = {entry("a-{}", {}, "mtty-1"), entry("a-7", 1, "mtty-1"), entry("a-07", 1, "mtty-1")};
  file.devices[0].where = {"h", 2, 1};
  file.devices[1].where = {"h", 4, 1};
  CHECK(texts_of(planned(file, seen, {})) ==
        std::vector<std::string>{"h:2:1: device 'a-7' is described twice, first at h:4:1"});
}

TEST_CASE("what can be a consequence of another problem is not reported") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 2)};
  HostFile file;
  file.paths = {"h"};
  file.devices = {entry("old-{}", 2, "mtty-1")};
  const Definitions defined{added(planned(file, seen, {})), {}, {}};
  REQUIRE(defined.all.size() == 2);
  // The first table could not be read completely; its devices may leave their places.
  file.devices[0].complete = false;
  file.devices.push_back(entry("new-{}", 2, "mtty-1"));
  file.groups.push_back({{*GroupName::parse("g")}, {"h", 9, 1}, {{"old-7", {"h", 9, 12}}}});
  CHECK(texts_of(planned(file, seen, defined)).empty());
  file.devices[0].complete = true;
  CHECK(texts_of(planned(file, seen, defined)).size() == 2);
  // Nothing is known of the tables of a file that could not be read, except that no table helps this one.
  file.devices[0] = entry("none-{}", 3, "mtty-1");
  file.devices[1] = entry("none", 1, "mtty-9");
  file.unread = {true, true, true, true};
  CHECK(texts_of(planned(file, seen, defined)).size() == 2);
  file.devices.clear();
  CHECK(texts_of(planned(file, seen, defined)).empty());
  // A parent whose table could not be read may offer other types.
  seen.parents[0].capabilities.functions = true;
  file.devices = {entry("a", 1, "mtty-9")};
  CHECK(texts_of(planned(file, seen, {})).empty());
  file.unread.parents = false;
  CHECK(texts_of(planned(file, seen, {})).size() == 1);
}

// Not a test: prints how long it takes. Run it by its name.
TEST_CASE("time to place 1000 devices over 64 GPUs", "[.]") {
  Snapshot seen;
  for (std::size_t i = 0; i < 64; ++i) {
    seen.parents.push_back(pool_of("p" + std::to_string(i), 24));
  }
  std::vector<ChoiceRequest> requests;
  for (std::size_t i = 0; i < 1000; ++i) {
    requests.push_back(request(i % 2 == 0 ? "mtty-1" : "mtty-2", 1));
  }
  const Definitions none;
  const std::vector<ParentName> mixed;
  const auto begin = std::chrono::steady_clock::now();
  Rooms rooms(seen, none, Counting::defined, mixed);
  PlacingEffort effort;
  const Placing placing = place_all(seen, rooms, requests, {}, effort);
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - begin;
  REQUIRE(placing.failed.empty());
  WARN("placed 1000 devices in " << taken.count() << " ms");
}

namespace {

Parent card(const std::string& name, const std::string& pci_id, const std::string& board,
            std::uint64_t ports) {
  Parent parent = pool_of(name, ports);
  parent.pci_id = pci_id;
  parent.pci_subsystem = board;
  return parent;
}

HostFile per_parent(std::vector<std::string> parents, std::uint64_t count,
                    std::vector<std::string> except = {}) {
  HostFile file;
  file.devices.push_back(entry("d-{parent}-{}", count, "mtty-1"));
  file.devices.back().per_parent = true;
  file.devices.back().parents = std::move(parents);
  file.devices.back().except = std::move(except);
  return file;
}

// Returns the names of the added definitions and their parents.
std::vector<std::string> places(const ApplyPlan& plan) {
  std::vector<std::string> result;
  for (const Definition& one : added(plan)) {
    result.push_back(one.name->str() + " " + one.parent.str());
  }
  std::sort(result.begin(), result.end());
  return result;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a count for each parent means all parents with a PCI ID but the exceptions") {
  Snapshot seen;
  seen.parents = {card("a", "10de:1", "", 0), card("b", "10de:1eb8", "10de:0001", 4),
                  card("c", "10de:1eb8", "10de:0002", 4), card("d", "10de:26b9", "10de:0001", 4),
                  card("e", "8086:1eb8", "10de:0001", 4)};
  seen.parents.erase(seen.parents.begin());
  CHECK(places(planned(per_parent({"10de:1eb8"}, 1), seen, {})) == Names{"d-b-1 b", "d-c-1 c"});
  CHECK(places(planned(per_parent({"10de:"}, 1, {"c"}), seen, {})) == Names{"d-b-1 b", "d-d-1 d"});
  CHECK(places(planned(per_parent({"10de:"}, 2, {"10de:1eb8"}), seen, {})) == Names{"d-d-1 d", "d-d-2 d"});
  CHECK(places(planned(per_parent({"10de:1eb8:10de:0002", "e"}, 1), seen, {})) ==
        Names{"d-c-1 c", "d-e-1 e"});
  CHECK(places(planned(per_parent({}, 1, {"10de:"}), seen, {})) == Names{"d-e-1 e"});
  CHECK(places(planned(per_parent({}, 1), seen, {})).size() == 4);
  const ApplyPlan none = planned(per_parent({"10de:ffff"}, 1), seen, {});
  CHECK(none.problems.empty());
  CHECK(none.notes == Names{"no parent of this host matches 'parents' of any [[device]], so the description "
                            "has no device for this host"});
  const ApplyPlan unknown = planned(per_parent({"10de:"}, 1, {"nosuch"}), seen, {});
  REQUIRE(unknown.problems.size() == 1);
  CHECK(unknown.problems[0].problem.message == "no parent 'nosuch' on this host");
  const ApplyPlan many = planned(per_parent({"10de:1eb8"}, 5), seen, {});
  CHECK(many.problems.size() == 2);  // one for each parent
  CHECK(many.problems.at(0).code == ExitCode::no_capacity);
  seen.parents[1].types.clear();
  const ApplyPlan lacks = planned(per_parent({"10de:1eb8"}, 1), seen, {});
  REQUIRE(lacks.problems.size() == 1);
  CHECK(lacks.problems[0].problem.message == "c does not offer type 'mtty-1'");
  CHECK(places(planned(per_parent({}, 1), seen, {})) == Names{"d-b-1 b", "d-d-1 d", "d-e-1 e"});
}

TEST_CASE("one table may mean any of several parents by PCI ID") {
  Snapshot seen;
  seen.parents = {card("b", "10de:1eb8", "", 4), card("c", "10de:1eb8", "", 4),
                  card("d", "8086:26b9", "", 4)};
  HostFile file;
  file.devices.push_back(entry("d-{}", 4, "mtty-1"));
  file.devices.back().parents = {"10de:1eb8"};
  CHECK(places(planned(file, seen, {})) == Names{"d-1 b", "d-2 c", "d-3 b", "d-4 c"});
  file.devices.back().except = {"b"};
  CHECK(places(planned(file, seen, {})) == Names{"d-1 c", "d-2 c", "d-3 c", "d-4 c"});
  file.devices.back().parents = {"10de:1eb9"};
  REQUIRE(planned(file, seen, {}).problems.size() == 1);
  CHECK(planned(file, seen, {}).problems[0].code == ExitCode::not_found);
}

TEST_CASE("GPUs that are no parents are reported, and devices of absent parents stay described") {
  Snapshot seen;
  seen.parents = {card("0000:01:00.0", "10de:1eb8", "", 4)};
  seen.gpus = {{"0000:01:00.0", "10de:1eb8", "nvidia"}, {"0000:02:00.0", "10de:1eb8", "nvidia"}};
  const HostFile file = per_parent({"10de:1eb8"}, 1);
  REQUIRE(planned(file, seen, {}).problems.size() == 1);
  CHECK(planned(file, seen, {}).problems[0].code == ExitCode::not_found);
  CHECK(planned(per_parent({"10de:1eb8"}, 1, {"0000:02:00.0"}), seen, {}).problems.empty());
  seen.gpus[1].driver = "vfio-pci";
  const ApplyPlan passed = planned(file, seen, {});
  CHECK(passed.problems.empty());
  REQUIRE(passed.notes.size() == 1);
  CHECK(passed.notes[0].ends_with(", skipping"));
  CHECK(places(passed) == Names{"d-0000:01:00.0-1 0000:01:00.0"});
  // The driver of the second one is not loaded.
  Definitions defined;
  Definition made{derived_uuid(file, "d-0000:02:00.0-1"), *ParentName::parse("0000:02:00.0"),
                  *TypeName::parse("mtty-1")};
  made.name = Label::parse("d-0000:02:00.0-1");
  made.applied_by = file.space_or_default();
  defined.all = {made};
  seen.gpus.clear();
  const ApplyPlan plan = planned(file, seen, defined, {.prune = true});
  CHECK(plan.devices == 2);
  CHECK(std::none_of(plan.changes.begin(), plan.changes.end(),
                     [](const HostChange& one) { return one.kind == HostChange::Kind::remove; }));
}

TEST_CASE(
    "tables for the same parents must not have the same names, and groups have devices of all parents") {
  Snapshot seen;
  seen.parents = {card("b", "10de:1eb8", "", 4), card("c", "10de:1eb8", "", 4)};
  HostFile file = per_parent({"b"}, 2);
  file.devices.push_back(per_parent({"c"}, 1).devices.front());
  CHECK(places(planned(file, seen, {})) == Names{"d-b-1 b", "d-b-2 b", "d-c-1 c"});
  file.groups.push_back({{*GroupName::parse("vm")}, {}, {{"d-{parent}-{}", {}}}});
  const ApplyPlan plan = planned(file, seen, {});
  CHECK(plan.problems.empty());
  file.devices.back().parents = {"10de:1eb8"};
  file.devices.back().keys["name"] = {"f", 9, 8};
  const ApplyPlan twice = planned(file, seen, {});
  REQUIRE_FALSE(twice.problems.empty());
  CHECK(twice.problems[0].problem.message.find("device 'd-b-1' is described twice") == 0);
}

TEST_CASE("entries with autostart and the same queue are named in the hint") {
  Snapshot seen;
  Parent matrix{.name = *ParentName::parse("matrix"), .path = "sys/matrix", .home = "sys/matrix"};
  matrix.types.push_back({.id = *TypeName::parse("vfio_ap-passthrough"), .available = 8});
  seen.parents = {matrix};
  HostFile file;
  for (const std::size_t line : {3U, 9U}) {
    DeviceEntry one = entry(line == 3 ? "z" : "y", 1, "vfio_ap-passthrough");
    one.where = {"f", line, 1};
    one.settings.start = StartMode::automatic;
    one.settings.attributes = {{*AttributeName::parse("assign_adapter"), "2"},
                               {*AttributeName::parse("assign_domain"), "43"}};
    file.devices.push_back(one);
  }
  const ApplyPlan plan = planned(file, seen, {});
  REQUIRE(plan.problems.size() == 1);
  CHECK(plan.problems[0].problem.line == 9);
  CHECK(plan.problems[0].code == ExitCode::conflict);
  CHECK(
      plan.problems[0].hints ==
      std::vector<std::string>{"change the queues of one entry, or set its start to \"manual\": f:3:1: entry "
                               "of 'z'; f:9:1: entry of 'y'"});
  file.devices[1].settings.start = StartMode::manual;
  CHECK(planned(file, seen, {}).problems.empty());
}

TEST_CASE("a lack of instances names the devices of the parents that are not in the description") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 2), pool_of("p1", 8)};
  HostFile file;
  file.devices = {entry("a", 1, "mtty-4")};
  file.devices[0].parents = {"p0"};
  const auto live = [&](int number, const char* parent) {
    seen.devices.push_back(
        {.uuid = *Uuid::parse("00000000-0000-0000-0000-0000000000" + std::to_string(number)),
         .parent = *ParentName::parse(parent),
         .type = TypeName::parse("mtty-1")});
  };
  const auto hint = [&](const std::string& begin) {
    const ApplyPlan plan = planned(file, seen, {});
    REQUIRE(plan.problems.size() == 1);
    for (const std::string& one : plan.problems[0].hints) {
      if (one.starts_with(begin)) {
        return one.substr(begin.size());
      }
    }
    return std::string("no such hint");
  };
  const std::string users = "devices that use instances and are not in the description: ";
  live(10, "p1");
  CHECK(hint(users) == "no such hint");
  live(11, "p0");
  CHECK(hint(users) == "'00000000-0000-0000-0000-000000000011' (not defined)");
  for (int number = 12; number < 22; ++number) {
    live(number, "p0");
  }
  CHECK(hint(users).ends_with("'00000000-0000-0000-0000-000000000018' (not defined) and 3 more"));
}

TEST_CASE("the members of a group are found by names, UUIDs and patterns, described or not") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 8)};
  HostFile file;
  file.devices = {entry("seat-{}", 2, "mtty-1")};
  Definitions defined;
  for (const char* name : {"other-1", "other-2", "unrelated"}) {
    Definition definition{Uuid::of_name(name), *ParentName::parse("p0"), *TypeName::parse("mtty-1")};
    definition.name = Label::parse(name);
    defined.all.push_back(std::move(definition));
  }
  const auto uuid_of = [&](std::size_t i) { return defined.all[i].uuid; };
  // Returns the names of the members, or the first problem.
  const auto members = [&](const std::vector<std::string>& texts) {
    file.groups = {{{*GroupName::parse("g")}, {}, {}}};
    for (const std::string& text : texts) {
      file.groups[0].members.push_back({text, {}});
    }
    const ApplyPlan plan = planned(file, seen, defined);
    std::map<Uuid, std::string> names;
    for (const Definition& one : defined.all) {
      names[one.uuid] = one.name->str();
    }
    for (const Definition& one : added(plan)) {
      names[one.uuid] = one.name->str();
    }
    std::vector<std::string> result;
    for (const std::vector<Job>& chain : plan.chains) {
      for (const Job& job : chain) {
        for (const Step& step : job.steps) {
          if (const auto* add = std::get_if<AddGroup>(&step.action)) {
            for (const Member& member : add->group.members) {
              result.push_back(names[member.uuid]);
            }
          }
        }
      }
    }
    return plan.problems.empty() ? result : std::vector{plan.problems[0].problem.message};
  };
  using Names = std::vector<std::string>;
  CHECK(members({"seat-2", "seat-1"}) == Names{"seat-2", "seat-1"});
  CHECK(members({"seat-{}"}) == Names{"seat-1", "seat-2"});
  CHECK(members({"seat-*", "other-2"}) == Names{"seat-1", "seat-2", "other-2"});
  CHECK(members({"other-*"}) == Names{"other-1", "other-2"});
  CHECK(members({uuid_of(2).str(), "seat-1"}) == Names{"unrelated", "seat-1"});
  CHECK(members({"p0/" + uuid_of(0).str()}) == Names{"other-1"});
  CHECK(members({"p1/" + uuid_of(0).str()}).at(0).find("is described or defined") != std::string::npos);
  CHECK(members({"nothing"}) == Names{"group 'g': no device 'nothing' is described or defined"});
  CHECK(members({"nothing-*"}).size() == 1);
  CHECK(members({"seat-1", "seat-1"}).size() == 1);
  CHECK(members({uuid_of(0).str(), uuid_of(0).str()}).at(0).ends_with("is a member twice"));
}

TEST_CASE("a device is a member of one group only, described or not") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 8)};
  HostFile file;
  file.devices = {entry("a", 1, "mtty-1")};
  file.groups = {{{*GroupName::parse("g")}, {}, {{"a", {}}}}, {{*GroupName::parse("h")}, {}, {{"a", {}}}}};
  const ApplyPlan two = planned(file, seen, {});
  REQUIRE(two.problems.size() == 1);
  CHECK(two.problems[0].problem.message == "'a' is a member of the groups 'g' and 'h'");
  file.groups.pop_back();
  const ApplyPlan plan = planned(file, seen, {});
  REQUIRE(plan.problems.empty());
  Groups groups;
  groups.all = {{*GroupName::parse("old"), {{added(plan).at(0).uuid}}}};
  const AllParentSettings settings;
  const Definitions none;
  const ApplyPlan other = plan_apply({file, seen, none, groups, settings}, {});
  REQUIRE(other.problems.size() == 1);
  CHECK(other.problems[0].problem.message ==
        "group 'g': in group 'old' already, which is not described: 'a'");
  CHECK(other.problems[0].hints.at(0) ==
        "remove them from 'old': mdevadm group remove old " + added(plan)[0].uuid.str());
}

TEST_CASE(
    "devices of a table without a count are recognized by their numbers, wherever these are in the name") {
  for (const char* pattern : {"a-{}", "{}-b", "a-{}-b"}) {
    Snapshot seen;
    seen.parents = {pool_of("p0", 3)};
    HostFile file;
    file.devices = {entry(pattern, std::nullopt, "mtty-1")};
    Definitions defined;
    defined.all = added(planned(file, seen, {}));
    REQUIRE(defined.all.size() == 3);
    CHECK(added(planned(file, seen, defined)).empty());
    defined.all.erase(defined.all.begin() + 1);
    const std::vector<Definition> again = added(planned(file, seen, defined));
    REQUIRE(again.size() == 1);
    CHECK(again[0].name->str() == file.devices[0].name_of(2));
    // They stay described when nothing fits any more.
    seen.parents = {pool_of("p0", 0)};
    const ApplyPlan full = planned(file, seen, defined);
    CHECK(added(full).empty());
    CHECK(full.problems.empty());
    CHECK(full.devices == 2);
  }
}

TEST_CASE("an active device that differs from its definition in an attribute is noted, not changed") {
  Snapshot seen;
  seen.parents = {pool_of("p0", 8)};
  HostFile file;
  file.devices = {entry("a", 1, "mtty-1")};
  file.devices[0].settings.attributes = {{*AttributeName::parse("rate"), "1"}};
  Definitions defined;
  defined.all = added(planned(file, seen, {}));
  REQUIRE(defined.all.size() == 1);
  const auto plan_with = [&](const char* rate) {
    PresentSettings settings;
    settings.attributes["rate"] = rate;
    seen.devices = {{.uuid = defined.all[0].uuid,
                     .parent = *ParentName::parse("p0"),
                     .type = TypeName::parse("mtty-1"),
                     .settings = settings}};
    return planned(file, seen, defined);
  };
  const ApplyPlan same = plan_with("1");
  CHECK(same.notes.empty());
  const ApplyPlan differs = plan_with("2");
  REQUIRE(differs.notes.size() == 1);
  CHECK(differs.notes[0].find("apply does not change that") != std::string::npos);
  CHECK(differs.correcting.empty());
  CHECK(differs.changes.empty());
}
