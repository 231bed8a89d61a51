#include <mdevadm/plan/watch.hpp>

#include <fmt/format.h>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const ParentName mtty = *ParentName::parse("mtty");
const TypeName serial = *TypeName::parse("mtty-1");

Uuid uuid(int number) {
  return *Uuid::parse(fmt::format("00000000-0000-0000-0000-{:012x}", number));
}

std::string path(int number) {
  return "sys/devices/virtual/mtty/mtty/" + uuid(number).str();
}

WatchedDevice unknown_type(int number) {
  return {.uuid = uuid(number), .parent = mtty};
}

WatchedDevice device(int number) {
  return {.uuid = uuid(number), .parent = mtty, .type = serial};
}

Definition definition(int number, const std::string& name) {
  return {.uuid = uuid(number), .parent = mtty, .type = serial, .name = Label::parse(name)};
}

// "device-created 1 device-removed 1"
std::string words(const WatchEvents& events) {
  std::string text;
  for (const WatchEvent& event : events) {
    text += (text.empty() ? "" : " ") + watch_word(event.kind);
    if (event.uuid) {
      text += " " + event.uuid->str().substr(35);
    }
  }
  return text;
}

WatchEvents operator+(WatchEvents a, const WatchEvents& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A device is created as the kernel reports it.
WatchEvents created(Watched& state, int number) {
  begin_device(state, path(number), unknown_type(number));
  bind_device(state, path(number));
  return settle_device(state, path(number), device(number), false);
}

std::map<std::string, WatchedDevice> listing(std::initializer_list<int> numbers) {
  std::map<std::string, WatchedDevice> devices;
  for (const int number : numbers) {
    devices.emplace(path(number), device(number));
  }
  return devices;
}

DeviceUse used(int number, int pid) {
  return {.by_node = {{path(number), {{pid, "qemu"}}}},
          .open_devices = {{pid, 1}},
          .devices_with_node = {{pid, 1}}};
}

}  // namespace

TEST_CASE("a device is reported once, with its type") {
  Watched state;
  begin_device(state, path(1), unknown_type(1));
  CHECK(settle_device(state, path(1), unknown_type(1), false).empty());
  bind_device(state, path(1));
  CHECK(settle_device(state, path(1), unknown_type(1), false).empty());
  const WatchEvents events = settle_device(state, path(1), device(1), false);
  REQUIRE(words(events) == "device-created 1");
  CHECK(events.front().type == serial);
  CHECK(words(created(state, 1)) == "");
  CHECK(words(remove_device(state, path(1))) == "device-removed 1");
  CHECK(words(remove_device(state, path(1))) == "");
}

TEST_CASE("a device without a type is reported when there is nothing more to wait for") {
  Watched state;
  begin_device(state, path(1), unknown_type(1));
  bind_device(state, path(1));
  CHECK(words(settle_device(state, path(1), unknown_type(1), true)) == "device-created 1");
}

TEST_CASE("a device whose interface does not report types has that of its definition") {
  Watched state;
  replace_store(state, {{{mtty, uuid(1)}, definition(1, "seat")}}, {});
  begin_device(state, path(1), unknown_type(1));
  bind_device(state, path(1));
  CHECK(settle_device(state, path(1), unknown_type(1), false).empty());
  const WatchEvents settled = settle_device(state, path(1), unknown_type(1), true);
  REQUIRE(words(settled) == "device-created 1");
  CHECK(settled.front().type == serial);
  remove_device(state, path(1));
  WatchedDevice listed = unknown_type(1);
  listed.nodes = {"/dev/vfio/1"};
  const WatchEvents found = replace_devices(state, {{path(1), listed}});
  REQUIRE(words(found) == "device-created 1");
  CHECK(found.front().type == serial);
}

TEST_CASE("a device that was removed before it could be looked at is reported as created and removed") {
  Watched state;
  begin_device(state, path(1), unknown_type(1));
  bind_device(state, path(1));
  CHECK(words(remove_device(state, path(1))) == "device-created 1 device-removed 1");
  begin_device(state, path(2), unknown_type(2));
  bind_device(state, path(2));
  CHECK(words(settle_device(state, path(2), std::nullopt, false)) == "device-created 2");
  CHECK(words(remove_device(state, path(2))) == "device-removed 2");
}

TEST_CASE("a device that its driver refuses is not reported") {
  Watched state;
  begin_device(state, path(1), unknown_type(1));
  CHECK(words(remove_device(state, path(1))) == "");
  begin_device(state, path(1), unknown_type(1));
  CHECK(words(settle_device(state, path(1), std::nullopt, false)) == "");
  CHECK(words(settle_device(state, path(1), std::nullopt, true)) == "");
  CHECK(state.starting.empty());
}

TEST_CASE("a listing in the middle of the kernel's messages neither loses nor repeats an event") {
  // The device is created and removed three times. A listing may be taken before, between and after these
  // changes, while the messages of all of them are still to be read.
  for (const bool is_there : {false, true}) {
    Watched state;
    WatchEvents events = replace_devices(state, is_there ? listing({1}) : listing({}));
    for (int i = 0; i < 3; ++i) {
      events = events + created(state, 1);
      events = events + remove_device(state, path(1));
    }
    CHECK(words(events) ==
          "device-created 1 device-removed 1 device-created 1 device-removed 1 device-created 1 "
          "device-removed 1");
  }
}

TEST_CASE("a listing after lost messages gives the differences") {
  Watched state;
  replace_devices(state, listing({1, 2}));
  begin_device(state, path(3), unknown_type(3));
  state.starting.clear();
  CHECK(words(replace_devices(state, listing({2, 3}))) == "device-removed 1 device-created 3");
  CHECK(words(replace_devices(state, listing({2, 3}))) == "");
}

TEST_CASE("a listing leaves a device that is starting to the messages of the kernel") {
  Watched state;
  begin_device(state, path(1), unknown_type(1));
  CHECK(words(replace_devices(state, listing({1}))) == "");
  bind_device(state, path(1));
  CHECK(words(settle_device(state, path(1), device(1), false)) == "device-created 1");
}

TEST_CASE("a device that is listed before its driver has accepted it is starting") {
  Watched state;
  CHECK(words(replace_devices(state, {{path(1), unknown_type(1)}})) == "");
  CHECK(is_unsettled(state, path(1)));
  bind_device(state, path(1));
  CHECK(words(replace_devices(state, {{path(1), unknown_type(1)}})) == "");
  const WatchEvents events = settle_device(state, path(1), device(1), false);
  REQUIRE(words(events) == "device-created 1");
  CHECK(events.front().type == serial);
  replace_devices(state, {{path(1), device(1)}, {path(2), unknown_type(2)}});
  CHECK(words(remove_device(state, path(2))) == "");
  // A device that was reported without them stays known without them.
  WatchedDevice function = unknown_type(3);
  CHECK(words(replace_devices(state, {{path(1), device(1)}, {"sys/devices/0000:41:00.4", function}})) ==
        "device-created 3");
  Watched later;
  CHECK(words(watch_differences(later, state)) == "device-created 3 device-created 1");
}

TEST_CASE("type and nodes of a device that exists are completed") {
  Watched state;
  begin_device(state, path(1), unknown_type(1));
  bind_device(state, path(1));
  CHECK(words(settle_device(state, path(1), unknown_type(1), true)) == "device-created 1");
  CHECK(is_unsettled(state, path(1)));
  WatchedDevice whole = device(1);
  whole.nodes = {"/dev/vfio/1"};
  CHECK(words(settle_device(state, path(1), whole, false)) == "");
  CHECK_FALSE(is_unsettled(state, path(1)));
  CHECK(state.devices.at(path(1)).type == serial);
  CHECK(state.devices.at(path(1)).nodes == whole.nodes);
  CHECK(words(settle_device(state, path(1), std::nullopt, false)) == "");
  CHECK_FALSE(is_unsettled(state, path(2)));
}

TEST_CASE("a device with another UUID or type at the same path is reported as removed and created") {
  Watched state;
  replace_devices(state, {{path(1), device(1)}});
  CHECK(words(replace_devices(state, {{path(1), device(2)}})) == "device-removed 1 device-created 2");
  WatchedDevice larger = device(2);
  larger.type = TypeName::parse("mtty-2");
  const WatchEvents events = replace_devices(state, {{path(1), larger}});
  REQUIRE(words(events) == "device-removed 2 device-created 2");
  CHECK(events.front().type == serial);
  CHECK(events.back().type == larger.type);
  larger.type.reset();
  CHECK(words(replace_devices(state, {{path(1), larger}})) == "");
}

TEST_CASE("parents are reported when they change") {
  Watched state;
  CHECK(words(register_parent(state, mtty)) == "parent-registered");
  CHECK(words(register_parent(state, mtty)) == "");
  CHECK(words(replace_parents(state, {mtty})) == "");
  CHECK(words(replace_parents(state, {})) == "parent-gone");
  CHECK(words(unregister_parent(state, mtty)) == "");
}

TEST_CASE("a device is in use from the first process to the last") {
  Watched state;
  replace_devices(state, listing({1, 2}));
  const WatchEvents events = apply_use(state, used(1, 7));
  REQUIRE(words(events) == "device-in-use 1");
  CHECK(events.front().users == std::vector<Holder>{{7, "qemu"}});
  CHECK(words(apply_use(state, used(1, 7))) == "");
  DeviceUse both = used(1, 7);
  both.by_node[path(1)].push_back({8, "other"});
  CHECK(words(apply_use(state, both)) == "");
  CHECK(words(apply_use(state, used(1, 8))) == "");
  CHECK(words(apply_use(state, {})) == "device-released 1");
}

TEST_CASE("a device that changes from one process to another is released between") {
  Watched state;
  replace_devices(state, listing({1}));
  apply_use(state, used(1, 7));
  CHECK(words(apply_use(state, used(1, 8))) == "device-released 1 device-in-use 1");
}

TEST_CASE("a process that has closed the node and not the device is its user") {
  Watched state;
  replace_devices(state, listing({1, 2}));
  const DeviceUse use = used(1, 7);
  apply_use(state, use);
  CHECK_FALSE(has_lingering_users(state, use));
  const DeviceUse lingering{.open_devices = {{7, 1}}};
  CHECK(words(apply_use(state, lingering)) == "");
  CHECK(has_lingering_users(state, lingering));
  CHECK(words(apply_use(state, {})) == "device-released 1");
}

TEST_CASE("an open device of which the node is open does not keep another one in use") {
  Watched state;
  replace_devices(state, listing({1, 2}));
  DeviceUse two = used(1, 7);
  two.by_node[path(2)].push_back({7, "qemu"});
  two.open_devices[7] = two.devices_with_node[7] = 2;
  CHECK(words(apply_use(state, two)) == "device-in-use 1 device-in-use 2");
  CHECK(words(apply_use(state, used(1, 7))) == "device-released 2");
}

TEST_CASE("an open device that is not mediated does not keep a mediated one in use") {
  Watched state;
  replace_devices(state, listing({1}));
  DeviceUse beside_adapter = used(1, 7);
  beside_adapter.open_devices[7] = beside_adapter.devices_with_node[7] = 2;
  CHECK(words(apply_use(state, beside_adapter)) == "device-in-use 1");
  const DeviceUse adapter{.open_devices = {{7, 1}}, .devices_with_node = {{7, 1}}};
  CHECK(words(apply_use(state, adapter)) == "device-released 1");
  CHECK_FALSE(has_lingering_users(state, adapter));
  // Not each device of a group is open.
  const DeviceUse group{.open_devices = {{7, 1}}, .devices_with_node = {{7, 2}}};
  CHECK(words(apply_use(state, group)) == "");
}

TEST_CASE("a device that is removed in use is released first") {
  Watched state;
  replace_devices(state, listing({1}));
  apply_use(state, used(1, 7));
  CHECK(words(remove_device(state, path(1))) == "device-released 1 device-removed 1");
}

TEST_CASE("definitions and groups are compared by their contents") {
  Watched state;
  const auto key = std::pair(mtty, uuid(1));
  CHECK(words(replace_store(state, {{key, definition(1, "seat")}}, {})) == "definition-added 1");
  CHECK(words(replace_store(state, {{key, definition(1, "seat")}}, {})) == "");
  CHECK(words(replace_store(state, {{key, definition(1, "other")}}, {})) == "definition-changed 1");
  Group group{*GroupName::parse("vm1")};
  CHECK(words(replace_store(state, state.definitions, {{group.name, group}})) == "group-added");
  group.members.push_back({uuid(1)});
  CHECK(words(replace_store(state, state.definitions, {{group.name, group}})) == "group-changed");
  const WatchEvents events = created(state, 1);
  REQUIRE(words(events) == "device-created 1");
  CHECK(events.front().name == "other");
  CHECK(events.front().group == "vm1");
  const WatchEvents removed = replace_store(state, {}, state.groups, {{key, "1.toml:1:1: invalid"}});
  REQUIRE(words(removed) == "definition-removed 1");
  CHECK(removed.front().detail == "1.toml:1:1: invalid");
  CHECK(words(replace_store(state, {}, {})) == "group-removed");
}

TEST_CASE("an event of a definition has the group that the same change adds or removes") {
  Watched state;
  const auto key = std::pair(mtty, uuid(1));
  Group group{*GroupName::parse("vm1")};
  group.members = {{uuid(2)}, {uuid(1), *ParentName::parse("other")}, {uuid(1), mtty}};
  const WatchEvents added = replace_store(state, {{key, definition(1, "seat")}}, {{group.name, group}});
  REQUIRE(words(added) == "group-added definition-added 1");
  CHECK(added.back().group == "vm1");
  const WatchEvents removed = replace_store(state, {}, {});
  REQUIRE(words(removed) == "definition-removed 1 group-removed");
  CHECK(removed.front().group == "vm1");
  group.members.pop_back();
  replace_store(state, {{key, definition(1, "seat")}}, {{group.name, group}});
  CHECK(created(state, 1).front().group == "");
}

TEST_CASE("the differences of two states lead from one to the other") {
  Watched before;
  register_parent(before, mtty);
  replace_devices(before, listing({1, 2}));
  apply_use(before, used(1, 7));
  Watched after = before;
  CHECK(words(watch_differences(before, after)) == "");
  remove_device(after, path(1));
  created(after, 3);
  apply_use(after, used(3, 9));
  const WatchEvents events = watch_differences(before, after);
  CHECK(words(events) == "device-released 1 device-removed 1 device-created 3 device-in-use 3");
  CHECK(words(watch_differences({}, after)) ==
        "parent-registered device-created 2 device-created 3 device-in-use 3");
}

TEST_CASE("conditions that hold between two states are seen") {
  const auto condition = [](const std::string& text, int number) {
    Condition result = Condition::parse(text).value();
    result.parent = mtty;
    result.devices = {uuid(number)};
    return result;
  };
  Watched state;
  const Watched empty = state;
  WatchEvents life = created(state, 1);
  life = life + remove_device(state, path(1));
  CHECK(held_during({condition("active=x", 1)}, empty, life));
  CHECK_FALSE(held_during({condition("active=x", 2)}, empty, life));
  CHECK_FALSE(held_during({condition("active=x", 1), condition("inactive=x", 1)}, empty, life));
  CHECK_FALSE(held_during({condition("active=x", 1)}, empty, {}));
  created(state, 1);
  const Watched active = state;
  WatchEvents again = remove_device(state, path(1));
  again = again + created(state, 1);
  CHECK(held_during({condition("inactive=x", 1)}, active, again));
  WatchEvents parents = register_parent(state, mtty);
  parents = parents + unregister_parent(state, mtty);
  CHECK(held_during({condition("present=x", 1)}, active, parents));
  WatchEvents used_once = apply_use(state, used(1, 7));
  used_once = used_once + remove_device(state, path(1));
  CHECK(held_during({condition("in-use=x", 1)}, active, used_once));
}

TEST_CASE("a device that changes hands is not unused for a moment") {
  Condition unused = Condition::parse("unused=x").value();
  unused.devices = {uuid(1)};
  Watched state;
  replace_devices(state, listing({1}));
  apply_use(state, used(1, 7));
  const Watched before = state;
  const WatchEvents events = apply_use(state, used(1, 8));
  REQUIRE(words(events) == "device-released 1 device-in-use 1");
  CHECK_FALSE(held_during({unused}, before, events));
}

TEST_CASE("conditions on parents and devices") {
  CHECK_FALSE(Condition::parse("active"));
  CHECK_FALSE(Condition::parse("active="));
  CHECK_FALSE(Condition::parse("running=x"));
  CHECK_FALSE(Condition::parse("=x"));
  const auto condition = [](const std::string& text, std::vector<Uuid> devices) {
    Condition result = Condition::parse(text).value();
    result.parent = mtty;
    result.devices = std::move(devices);
    return result;
  };
  Watched state;
  CHECK(holds(condition("absent=mtty", {}), state));
  CHECK_FALSE(holds(condition("present=mtty", {}), state));
  register_parent(state, mtty);
  CHECK(holds(condition("present=mtty", {}), state));
  CHECK(holds(condition("inactive=x", {uuid(1), uuid(2)}), state));
  CHECK(holds(condition("unused=x", {uuid(1)}), state));
  replace_devices(state, listing({1}));
  CHECK(holds(condition("active=x", {uuid(1)}), state));
  CHECK_FALSE(holds(condition("active=x", {uuid(1), uuid(2)}), state));
  CHECK_FALSE(holds(condition("inactive=x", {uuid(1), uuid(2)}), state));
  apply_use(state, used(1, 7));
  CHECK(holds(condition("in-use=x", {uuid(1)}), state));
  CHECK_FALSE(holds(condition("unused=x", {uuid(1)}), state));
  apply_use(state, {.unseen_processes = 1});
  CHECK_FALSE(holds(condition("in-use=x", {uuid(1)}), state));
  CHECK_FALSE(holds(condition("unused=x", {uuid(1)}), state));
  CHECK(holds(condition("unused=x", {uuid(2)}), state));
  apply_use(state, {});
  CHECK(holds(condition("unused=x", {uuid(1)}), state));
  std::map<std::string, WatchedDevice> removing = listing({1});
  removing.begin()->second.removing = true;
  replace_devices(state, removing);
  CHECK_FALSE(holds(condition("active=x", {uuid(1)}), state));
  CHECK_FALSE(holds(condition("inactive=x", {uuid(1)}), state));
  CHECK(holds(condition("in-use=x", {uuid(1)}), state));
  CHECK_FALSE(holds(condition("unused=x", {uuid(1)}), state));
}
