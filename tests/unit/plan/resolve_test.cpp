#include <fmt/format.h>

#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/restart.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const Uuid first = *Uuid::parse("c0ffee00-1111-4222-8333-444444444444");
const Uuid second = *Uuid::parse("c0ffee11-1111-4222-8333-444444444444");
const ParentName mtty = *ParentName::parse("mtty");
const ParentName mdpy = *ParentName::parse("mdpy");

struct World {
  Snapshot seen;
  Definitions defined;

  World() {
    seen.devices.push_back({.uuid = first, .parent = mtty, .type = TypeName::parse("mtty-1")});
    Definition named{second, mtty, *TypeName::parse("mtty-1")};
    named.name = Label::parse("cafe");
    defined.all = {named, {second, mdpy, *TypeName::parse("mdpy-hd")}};
  }

  Found find(std::string_view word, const std::optional<ParentName>& parent = std::nullopt) const {
    return resolve_device(word, seen, defined, parent, "cannot x");
  }

  ExitCode refusal(std::string_view word, const std::optional<ParentName>& parent = std::nullopt) const {
    try {
      find(word, parent);
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::done;
  }
};

}  // namespace

TEST_CASE("a device is found by UUID and name and UUID prefix") {
  const World world;
  CHECK(world.find("C0FFEE00-1111-4222-8333-444444444444").uuid == first);
  CHECK(world.find("cafe").uuid == second);
  CHECK(world.find("c0ffee1").uuid == second);
  CHECK(world.find("C0FFEE00-11").active != nullptr);
}

TEST_CASE("a UUID prefix must have at least four digits and match only one device") {
  const World world;
  CHECK(world.refusal("c0f") == ExitCode::not_found);
  CHECK(world.refusal("c0ffee") == ExitCode::conflict);
  CHECK(world.refusal("beef") == ExitCode::not_found);
  CHECK(world.refusal("") == ExitCode::not_found);
  CHECK(world.refusal("nope") == ExitCode::not_found);
}

TEST_CASE("a shell pattern matches the names of definitions in natural order") {
  World world;
  world.defined.all.clear();
  for (const char* name : {"s10", "s2", "t1", "[x]"}) {
    Definition one{Uuid::random(), mtty, *TypeName::parse("mtty-1")};
    one.name = Label::parse(name);
    world.defined.all.push_back(one);
  }
  const auto expand = [&](const char* word, const std::optional<ParentName>& parent = std::nullopt) {
    return expand_pattern(word, world.defined, parent, "cannot x");
  };
  CHECK(expand("s*") == std::vector<std::string>{"s2", "s10"});
  CHECK(expand("?[12]") == std::vector<std::string>{"s2", "t1"});
  CHECK(expand("s2") == std::vector<std::string>{"s2"});
  CHECK(expand("nosuch") == std::vector<std::string>{"nosuch"});
  CHECK(expand("[x]") == std::vector<std::string>{"[x]"});
  CHECK_THROWS_WITH(expand("u*"), "cannot x: the pattern matches no name of a definition");
  CHECK_THROWS_AS(expand("s*", mdpy), Error);
  CHECK(world.refusal("s*") == ExitCode::usage);
}

TEST_CASE("a UUID that is neither active nor defined is not found") {
  const World world;
  CHECK(world.refusal("00000000-0000-0000-0000-000000000000") == ExitCode::not_found);
  CHECK(world.refusal("cafe", *ParentName::parse("other")) == ExitCode::not_found);
}

TEST_CASE("a name selects its definition if other parents define the same UUID") {
  const World world;
  CHECK(require_definition(world.find("cafe"), "cannot x").parent == mtty);
}

TEST_CASE("option --parent selects one of several definitions of a UUID") {
  const World world;
  CHECK(world.find("c0ffee1").definitions.size() == 2);
  CHECK_THROWS_AS(require_definition(world.find("c0ffee1"), "cannot x"), Error);
  CHECK(require_definition(world.find("cafe", mdpy), "cannot x").parent == mdpy);
  CHECK_THROWS_AS(require_definition(world.find("c0ffee00"), "cannot x"), Error);
}

TEST_CASE("the name in an invalid definition file is resolved to the error of the file") {
  World world;
  world.defined.broken.push_back({"/etc/x.toml", 3, 7, "error", "pay2"});
  CHECK(world.refusal("pay2") == ExitCode::failed);
  CHECK(world.refusal("pay3") == ExitCode::not_found);
}

TEST_CASE("the definition of an active device that cannot be used is not absent") {
  World world;
  const Uuid active = *Uuid::parse("12345678-0000-4000-8000-000000000001");
  world.seen.devices.push_back({.uuid = active, .parent = mtty});
  const std::string path = fmt::format("/etc/mdevadm/devices/mtty/{}.toml", active.str());
  world.defined.broken.push_back({path, 3, 7, "error"});
  const Found found = world.find(active.str());
  REQUIRE(found.broken != nullptr);
  const std::string wanted = fmt::format("cannot x: its definition cannot be used: {}:3:7: error", path);
  CHECK_THROWS_WITH(require_definition(found, "cannot x"), wanted);
  world.defined.broken.back().name = "pay";
  CHECK(world.find("pay").active != nullptr);
  CHECK_THROWS_WITH(definition_to_restart(found, "cannot x"), wanted);
  CHECK(broken_definition(world.defined, active, mdpy) == nullptr);
  CHECK_THROWS_AS(plan_define(world.seen, world.defined,
                              {.wanted = {active, mtty, *TypeName::parse("mtty-1")}, .text = {}}),
                  Error);
}

TEST_CASE("a parent is found in the notation of other tools and in other letter case") {
  const std::vector<std::string> known{"0.0.0313", "0000:4b:00.0", "Matrix", "matrix", "mtty"};
  CHECK(resolve_parent("mtty", known) == "mtty");
  CHECK(resolve_parent("MTTY", known) == "mtty");
  CHECK(resolve_parent("4B:00.0", known) == "0000:4b:00.0");
  CHECK(resolve_parent("0313", known) == "0.0.0313");
  CHECK(resolve_parent("css_0_0_0313", known) == "0.0.0313");
  CHECK(resolve_parent("matrix", known) == "matrix");
  CHECK(resolve_parent("MATRIX", known) == "MATRIX");
  CHECK(resolve_parent("4c:00.0", known) == "0000:4c:00.0");
  CHECK(resolve_parent("", known).empty());
}

TEST_CASE("a type filter accepts every form of the type") {
  World world;
  Parent parent{.name = mtty, .path = "sys/mtty"};
  parent.types = {{.id = *TypeName::parse("nvidia-17"), .name = "GRID M60-4Q"},
                  {.id = *TypeName::parse("nvidia-18"), .name = "GRID M60-8Q"}};
  world.seen.parents = {parent};
  const auto type = [](const char* text) { return *TypeName::parse(text); };
  for (const char* word : {"nvidia-17", "17", "GRID M60-4Q", "m60-4q"}) {
    CAPTURE(word);
    const TypeFilter filter(world.seen, word);
    CHECK(filter.matches(mtty, type("nvidia-17")));
    CHECK(filter.matches(mtty, type("M60-4Q")));
    CHECK_FALSE(filter.matches(mtty, type("nvidia-18")));
    CHECK_NOTHROW(filter.require_known({}, "cannot list"));
  }
  CHECK(TypeFilter(world.seen, "mdpy-HD").matches(mdpy, type("mdpy-hd")));
  CHECK_NOTHROW(TypeFilter(world.seen, "mdpy-hd").require_known(world.defined, "cannot list"));
  CHECK_THROWS_AS(TypeFilter(world.seen, "nvidia-19").require_known(world.defined, "cannot list"), Error);
}

TEST_CASE("a parent of a filter must be on the host or have definitions") {
  World world;
  CHECK_NOTHROW(require_known_parent(world.seen, world.defined, "mdpy", "cannot list"));
  CHECK_THROWS_AS(require_known_parent(world.seen, world.defined, "mdpi", "cannot list"), Error);
  world.seen.parents = {{.name = *ParentName::parse("mdpi"), .path = "sys/mdpi"}};
  CHECK_NOTHROW(require_known_parent(world.seen, world.defined, "mdpi", "cannot list"));
}
