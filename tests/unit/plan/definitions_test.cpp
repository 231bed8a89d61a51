#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const Uuid uuid = *Uuid::parse("c0ffee00-1111-4222-8333-444444444444");
const Uuid other = *Uuid::parse("00000000-0000-0000-0000-000000000001");
const ParentName mtty = *ParentName::parse("mtty");

Snapshot host() {
  Snapshot seen;
  seen.mdev_support = true;
  Parent parent{.name = mtty, .path = "sys/devices/virtual/mtty/mtty"};
  parent.types.push_back({.id = *TypeName::parse("mtty-1")});
  parent.types.push_back({.id = *TypeName::parse("mtty-2")});
  seen.parents.push_back(std::move(parent));
  return seen;
}

Definition definition(const Uuid& id = uuid, const char* name = nullptr) {
  Definition result{id, mtty, *TypeName::parse("mtty-1")};
  if (name != nullptr) {
    result.name = Label::parse(name);
  }
  return result;
}

Attribute attribute(const char* name, const char* value) {
  return {*AttributeName::parse(name), value};
}

ExitCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::done;
}

const Definition& after(const Job& job) {
  return std::get<ReplaceDefinition>(job.steps.at(0).action).after;
}

}  // namespace

TEST_CASE("define plans adding the definition and rolls back by removing it") {
  const Job job = plan_define(host(), {}, {definition(), std::nullopt});
  REQUIRE(job.steps.size() == 1);
  CHECK(std::get<AddDefinition>(job.steps[0].action).definition == definition());
  CHECK(std::get<RemoveDefinition>(*job.steps[0].undo).definition == definition());
}

TEST_CASE("texts of a definition must be UTF-8") {
  const std::string invalid = "x\xffy";
  std::vector<Definition> all(5, definition());
  all[0].name = Label::parse(invalid);
  all[1].attributes = {attribute("a", invalid.c_str())};
  all[2].create_args = invalid;
  all[3].node = NodePolicy{.owner = invalid, .group = {}, .mode = {}};
  all[4].node = NodePolicy{.owner = {}, .group = {}, .mode = {}, .selinux_label = invalid};
  for (const Definition& one : all) {
    CHECK(code_of([&] { plan_define(host(), {}, {one, std::nullopt}); }) == ExitCode::usage);
  }
  ModifyRequest request;
  request.add_attributes = {attribute("a", invalid.c_str())};
  CHECK(code_of([&] { plan_modify(host(), {}, definition(), request); }) == ExitCode::usage);
}

TEST_CASE("several definitions are planned all or none and join a group one after the other") {
  const Group group{.name = *GroupName::parse("vm1")};
  DefineRequest one{definition(uuid, "seat-1"), std::nullopt, FitsHost::required, group};
  DefineRequest two{definition(other, "seat-2"), std::nullopt, FitsHost::required, group};
  const Plan plan = plan_define_all(host(), {}, {one, two});
  CHECK(plan.bond == Bond::all_or_none);
  REQUIRE(plan.jobs.size() == 2);
  CHECK(plan.jobs[0].lane == plan.jobs[1].lane);
  const auto& change = std::get<ReplaceGroup>(plan.jobs[1].steps.back().action);
  CHECK(change.before.members.size() == 1);
  CHECK(change.after.members.size() == 2);
  two.wanted.name = one.wanted.name;
  CHECK(code_of([&] { plan_define_all(host(), {}, {one, two}); }) == ExitCode::conflict);
}

TEST_CASE("one UUID can be defined once under each of several parents") {
  Definitions defined;
  defined.all = {definition()};
  CHECK(code_of([&] { plan_define(host(), defined, {definition(), std::nullopt}); }) == ExitCode::conflict);
  Definition elsewhere = definition();
  elsewhere.parent = *ParentName::parse("mdpy");
  CHECK(code_of([&] {
          plan_define(host(), defined, {elsewhere, std::nullopt, FitsHost::later});
        }) == ExitCode::done);
}

TEST_CASE("a name can be used by only one definition") {
  Definitions defined;
  defined.all = {definition(other, "taken")};
  CHECK(code_of([&] {
          plan_define(host(), defined, {definition(uuid, "taken"), std::nullopt});
        }) == ExitCode::conflict);
  CHECK(code_of([&] {
          plan_define(host(), defined, {definition(uuid, "free"), std::nullopt});
        }) == ExitCode::done);
}

TEST_CASE("define checks the parent and type and capabilities unless FitsHost::later is given") {
  Definition unknown = definition();
  unknown.type = *TypeName::parse("mtty-9");
  CHECK(code_of([&] { plan_define(host(), {}, {unknown, std::nullopt}); }) == ExitCode::not_found);
  CHECK(code_of([&] {
          plan_define(host(), {}, {unknown, std::nullopt, FitsHost::later});
        }) == ExitCode::done);
  Definition aggregated = definition();
  aggregated.aggregate = 2;
  CHECK(code_of([&] { plan_define(host(), {}, {aggregated, std::nullopt}); }) == ExitCode::failed);
}

TEST_CASE("modify changes the requested keys and preserves the others") {
  Definition current = definition(uuid, "n");
  current.attributes = {attribute("a", "1"), attribute("b", "2"), attribute("a", "3")};
  Definitions defined;
  defined.all = {current};
  ModifyRequest request;
  request.start = StartMode::automatic;
  request.delete_attributes = {*AttributeName::parse("a")};
  request.add_attributes = {attribute("a", "4")};
  const Definition result = after(plan_modify(host(), defined, current, request));
  CHECK(result.start == StartMode::automatic);
  CHECK(result.name == current.name);
  CHECK(result.attributes == std::vector{attribute("b", "2"), attribute("a", "4")});

  ModifyRequest by_place;
  by_place.delete_attributes = {std::size_t{3}, std::size_t{1}};
  by_place.name = std::optional<Label>{};
  const Definition second = after(plan_modify(host(), defined, current, by_place));
  CHECK(second.attributes == std::vector{attribute("b", "2")});
  CHECK_FALSE(second.name);
}

TEST_CASE("modify refuses missing attributes and duplicate names and unknown types") {
  const Definition current = definition();
  Definitions defined;
  defined.all = {current, definition(other, "taken")};
  ModifyRequest place;
  place.delete_attributes = {std::size_t{1}};
  CHECK(code_of([&] { plan_modify(host(), defined, current, place); }) == ExitCode::not_found);
  ModifyRequest name;
  name.delete_attributes = {*AttributeName::parse("x")};
  CHECK(code_of([&] { plan_modify(host(), defined, current, name); }) == ExitCode::not_found);
  ModifyRequest label;
  label.name = Label::parse("taken");
  CHECK(code_of([&] { plan_modify(host(), defined, current, label); }) == ExitCode::conflict);
  ModifyRequest type;
  type.type = TypeName::parse("mtty-9");
  CHECK(code_of([&] { plan_modify(host(), defined, current, type); }) == ExitCode::not_found);
  type.fits = FitsHost::later;
  CHECK(code_of([&] { plan_modify(host(), defined, current, type); }) == ExitCode::done);
}

TEST_CASE("modify does not check unchanged keys against the host") {
  ModifyRequest request;
  request.start = StartMode::automatic;
  CHECK(code_of([&] { plan_modify({}, {}, definition(), request); }) == ExitCode::done);
}

TEST_CASE("modify to the current values plans no steps and reports unchanged") {
  ModifyRequest request;
  request.start = StartMode::manual;
  const Job job = plan_modify(host(), {}, definition(), request);
  CHECK(job.steps.empty());
  CHECK(job.notes.front() == job.about.quoted() + " is unchanged");
}
