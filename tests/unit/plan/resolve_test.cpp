#include <mdevadm/plan/resolve.hpp>
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

TEST_CASE("a device is found by UUID, by name and by the beginning of its UUID") {
  const World world;
  CHECK(world.find("C0FFEE00-1111-4222-8333-444444444444").uuid == first);
  CHECK(world.find("cafe").uuid == second);
  CHECK(world.find("c0ffee1").uuid == second);
  CHECK(world.find("C0FFEE00-11").active != nullptr);
}

TEST_CASE("a beginning must be long enough and fit one device only") {
  const World world;
  CHECK(world.refusal("c0f") == ExitCode::not_found);
  CHECK(world.refusal("c0ffee") == ExitCode::conflict);
  CHECK(world.refusal("beef") == ExitCode::not_found);
  CHECK(world.refusal("") == ExitCode::not_found);
  CHECK(world.refusal("nope") == ExitCode::not_found);
}

TEST_CASE("a UUID that is neither active nor defined is not found") {
  const World world;
  CHECK(world.refusal("00000000-0000-0000-0000-000000000000") == ExitCode::not_found);
  CHECK(world.refusal("cafe", *ParentName::parse("other")) == ExitCode::not_found);
}

TEST_CASE("of several definitions of a UUID the parent chooses") {
  const World world;
  CHECK(world.find("cafe").definitions.size() == 2);
  CHECK_THROWS_AS(require_definition(world.find("cafe"), "cannot x"), Error);
  CHECK(require_definition(world.find("cafe", mdpy), "cannot x").parent == mdpy);
  CHECK_THROWS_AS(require_definition(world.find("c0ffee00"), "cannot x"), Error);
}
