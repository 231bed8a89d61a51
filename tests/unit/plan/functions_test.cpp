#include <cerrno>
#include <mdevadm/plan/adopt.hpp>
#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/restart.hpp>
#include <mdevadm/plan/start.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const ParentName gpu = *ParentName::parse("0000:41:00.0");
const TypeName type = *TypeName::parse("1149");

Uuid uuid(unsigned number) {
  return *Uuid::parse("c0ffee00-1111-4222-8333-44444444444" + std::to_string(number));
}

std::string vf(unsigned number) {
  return "0000:41:00." + std::to_string(number);
}

// A GPU with the virtual functions .4 to .7, all free.
Snapshot host() {
  Parent parent{.name = gpu, .path = "sys/devices/pci0000:40/0000:41:00.0"};
  parent.capabilities.functions = parent.capabilities.named_by_function = parent.capabilities.types_vanish =
      true;
  parent.types.push_back({.id = type, .name = "NVIDIA L40S-4Q", .available = 4});
  for (unsigned number = 4; number < 8; ++number) {
    parent.functions.push_back(
        {vf(number), "sys/devices/pci0000:40/" + vf(number), {}, {{type, "NVIDIA L40S-4Q"}}});
  }
  Snapshot seen;
  seen.mdev_support = true;
  seen.parents = {parent};
  return seen;
}

// Assigns the type to a virtual function.
void occupy(Snapshot& seen, unsigned number, const Uuid& user, bool unmanaged) {
  for (Function& function : seen.parents[0].functions) {
    if (function.address == vf(number)) {
      function.type = type;
      function.creatable.clear();
    }
  }
  seen.devices.push_back({.uuid = user,
                          .parent = gpu,
                          .type = type,
                          .name = vf(number),
                          .vf = vf(number),
                          .unmanaged = unmanaged});
}

Definition defined(unsigned number, const std::string& place = {}) {
  Definition result{uuid(number), gpu, type};
  result.function = FunctionName::parse(place);
  return result;
}

Definitions all_of(std::vector<Definition> definitions) {
  Definitions result;
  result.all = std::move(definitions);
  return result;
}

DefineRequest request_for(const Definition& wanted) {
  return {wanted, std::nullopt, FitsHost::required, std::nullopt, {}};
}

std::string place_of_start(const Snapshot& seen, const Definitions& all, const Definition& wanted) {
  StartPlanner planner(seen, {.defined = &all});
  for (const Step& step : planner.plan(wanted).steps) {
    if (const auto* created = std::get_if<CreateDevice>(&step.action)) {
      return created->what.name;
    }
  }
  return {};
}

std::optional<Definition> reservation(const Job& job) {
  for (const Step& step : job.steps) {
    if (const auto* reserve = std::get_if<ReserveFunction>(&step.action)) {
      return reserve->after;
    }
  }
  return std::nullopt;
}

template <typename Call>
Error refusal(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error");
  return {ExitCode::failed, ""};
}

}  // namespace

TEST_CASE("a start uses the reserved virtual function and no function that is reserved for another") {
  const Definitions all = all_of({defined(1), defined(2, vf(4)), defined(3, "any"), defined(4, vf(6))});
  CHECK(place_of_start(host(), all, all.all[0]) == vf(5));
  CHECK(place_of_start(host(), all, all.all[1]) == vf(4));
  CHECK(place_of_start(host(), all, all.all[2]) == vf(5));
  // A transient device gets none that a definition reserves either.
  CHECK(place_of_start(host(), all, defined(9)) == vf(5));
}

TEST_CASE("devices that are started together get different functions in any order") {
  const Definitions all = all_of({defined(1), defined(2, vf(4)), defined(3)});
  const Snapshot seen = host();
  for (const std::vector<unsigned>& order : {std::vector<unsigned>{0, 1, 2}, {2, 1, 0}, {1, 0, 2}}) {
    StartPlanner planner(seen, {.defined = &all});
    std::set<std::string> used;
    for (const unsigned i : order) {
      for (const Step& step : planner.plan(all.all[i]).steps) {
        if (const auto* created = std::get_if<CreateDevice>(&step.action)) {
          used.insert(created->what.name);
          CHECK((created->what.name == vf(4)) == (i == 1));
        }
      }
    }
    CHECK(used == std::set<std::string>{vf(4), vf(5), vf(6)});
  }
}

TEST_CASE("the first start writes its virtual function into the definition and later ones do not") {
  const Definitions all = all_of({defined(1), defined(2, vf(5)), defined(3, "any")});
  const Snapshot seen = host();
  const auto reserve = [&](const Definition& wanted) {
    return reservation(StartPlanner(seen, {.defined = &all}).plan(wanted));
  };
  REQUIRE(reserve(all.all[0]));
  CHECK(reserve(all.all[0])->function == FunctionName::parse(vf(4)));
  CHECK_FALSE(reserve(all.all[1]));
  CHECK_FALSE(reserve(all.all[2]));
  // Transient devices and definitions in mdevctl's format have no place for it.
  CHECK_FALSE(reserve(defined(9)));
  Definitions theirs = all;
  theirs.all[0].origin = Origin::mdevctl;
  CHECK_FALSE(reservation(StartPlanner(seen, {.defined = &theirs}).plan(theirs.all[0])));
}

TEST_CASE("a start without a free unreserved function names the owner of a reservation") {
  const Definitions all =
      all_of({defined(1), defined(2, vf(4)), defined(3, vf(5)), defined(4, vf(6)), defined(5, vf(7))});
  const Error full = refusal([&] { place_of_start(host(), all, all.all[0]); });
  CHECK(full.code() == ExitCode::no_capacity);
  CHECK(std::string(full.what()).find("0000:41:00.4 for '" + uuid(2).str()) != std::string::npos);
  CHECK(full.hints().back().ends_with("use any virtual function: mdevadm modify " + uuid(2).str() +
                                      " --vf any"));
}

TEST_CASE("a start on a function that another device uses names that device") {
  Snapshot seen = host();
  occupy(seen, 4, uuid(8), false);
  const Definitions all = all_of({defined(2, vf(4))});
  const Error managed = refusal([&] { place_of_start(seen, all, all.all[0]); });
  CHECK(managed.code() == ExitCode::conflict);
  CHECK(std::string(managed.what()).find("is used by device '" + uuid(8).str() + "' (type 1149)") !=
        std::string::npos);
  CHECK(managed.hints().at(0) == "stop that device: mdevadm stop " + uuid(8).str());
  Snapshot others = host();
  occupy(others, 4, uuid(8), true);
  const Error unmanaged = refusal([&] { place_of_start(others, all, all.all[0]); });
  CHECK(std::string(unmanaged.what()).find("the unmanaged device") != std::string::npos);
}

TEST_CASE("define reserves the first free function that no other definition names") {
  Snapshot seen = host();
  const Definitions all = all_of({defined(2, vf(4))});
  const auto place = [&](const Definition& wanted) {
    return function_for(seen, all, wanted, "cannot define");
  };
  CHECK(place(defined(1)) == FunctionName::parse(vf(5)));
  CHECK(place(defined(1, "any")) == std::nullopt);
  occupy(seen, 5, uuid(8), true);
  occupy(seen, 6, uuid(7), false);
  CHECK(place(defined(1)) == FunctionName::parse(vf(7)));
  // The device that is adopted keeps its own.
  CHECK(place(defined(7)) == FunctionName::parse(vf(6)));
  // A used function is better than none: its device may have no definition.
  occupy(seen, 7, uuid(6), true);
  CHECK(place(defined(1)) == FunctionName::parse(vf(6)));
  const Definitions more = all_of({defined(2, vf(4)), defined(3, vf(6))});
  CHECK(refusal([&] { function_for(seen, more, defined(1), "x"); }).code() == ExitCode::no_capacity);
}

TEST_CASE("functions that have refused a type are chosen only if no other is free") {
  Snapshot seen = host();
  seen.parents[0].functions[0].refused = seen.parents[0].functions[1].refused =
      "type 1149 (Input/output error)";
  const Definitions none;
  CHECK(function_for(seen, none, defined(1), "x") == FunctionName::parse(vf(6)));
  CHECK(place_of_start(seen, none, defined(1)) == vf(6));
  occupy(seen, 6, uuid(8), false);
  occupy(seen, 7, uuid(7), false);
  CHECK(place_of_start(seen, none, defined(1)) == vf(4));
}

TEST_CASE("a start names the functions to try instead, unless its function is reserved") {
  Snapshot seen = host();
  seen.parents[0].functions[1].refused = "type 1149 (Input/output error)";
  const Definitions all = all_of({defined(1), defined(2, vf(4)), defined(3, "any"), defined(4, vf(6))});
  const auto others = [&](const Definition& wanted) {
    for (const Step& step : StartPlanner(seen, {.defined = &all}).plan(wanted).steps) {
      if (const auto* created = std::get_if<CreateDevice>(&step.action)) {
        return created->others;
      }
    }
    return std::vector<std::string>{"no device is created"};
  };
  CHECK(others(all.all[0]) == std::vector{vf(5)});
  CHECK(others(all.all[2]) == std::vector{vf(5)});
  CHECK(others(all.all[1]).empty());
  CHECK(others(all.all[3]).empty());
  StartPlanner planner(seen, {.defined = &all});
  planner.plan(all.all[0]);
  CHECK(std::get<CreateDevice>(planner.plan(all.all[2]).steps.at(1).action).others.empty());
}

TEST_CASE("a function refuses a type only if its GPU can create a device of this type") {
  Snapshot now = host();
  const Definitions all = all_of({defined(1, vf(4)), defined(2, vf(5))});
  CreateDevice action{.what = {.uuid = uuid(1), .parent = gpu, .type = type, .name = vf(4), .vf = vf(4)},
                      .defined = all.all[0]};
  const Error failure = Error(ExitCode::failed, "x").caused_by(EIO);
  const auto refused = refused_function(now, all, action, failure);
  REQUIRE(refused);
  CHECK(refused->retry() == Retry::later);
  CHECK(refused->number() == EIO);
  CHECK(std::string(refused->what()).starts_with("virtual function 0000:41:00.4 refuses type 1149 (Input"));
  CHECK(refused->hints().at(0).ends_with("mdevadm modify " + uuid(1).str() +
                                         " --vf 0000:41:00.6 && mdevadm parent set 0000:41:00.0 --reserve "
                                         "0000:41:00.4"));
  CHECK(refused->hints().at(1).ends_with("sriov-manage -e 0000:41:00.0"));
  action.defined.reset();
  CHECK(refused_function(now, all, action, failure)
            ->hints()
            .at(0)
            .ends_with(": mdevadm parent set 0000:41:00.0 --reserve 0000:41:00.4"));
  occupy(now, 7, uuid(8), false);
  CHECK(refused_function(now, all, action, failure)
            ->hints()
            .at(1)
            .ends_with(": mdevadm list --parent 0000:41:00.0"));
  now.parents[0].types[0].available = 0;
  CHECK_FALSE(refused_function(now, all, action, failure));
}

TEST_CASE("the definition that reserves a function adopts the device that another program has set") {
  Snapshot seen = host();
  occupy(seen, 4, uuid(8), true);
  Definition owner = defined(1, vf(4));
  const Definitions all = all_of({owner});
  const Error used = refusal([&] { place_of_start(seen, all, owner); });
  CHECK(used.hints().at(0) ==
        "if it is to be the device of '" + uuid(1).str() + "', adopt it: mdevadm define 0000:41:00.4");
  const Job job = plan_adopt(seen, owner, seen.devices[0], vf(4));
  REQUIRE(job.steps.size() == 1);
  CHECK(std::get<KeepRecord>(job.steps[0].action).record == Record{uuid(1), gpu, type, vf(4), true});
  CHECK(std::get<DropRecord>(*job.steps[0].undo).uuid == uuid(1));
  owner.type = *TypeName::parse("1160");
  CHECK(refusal([&] { plan_adopt(seen, owner, seen.devices[0], vf(4)); }).code() == ExitCode::conflict);
  // A new definition of the device records it, too.
  const Job fresh = plan_define(seen, {}, request_for(defined(8, vf(4))));
  CHECK(std::get<KeepRecord>(fresh.steps.at(1).action).record == Record{uuid(8), gpu, type, vf(4), true});
}

TEST_CASE("define and modify refuse a function that is reserved or used by an unmanaged device") {
  Snapshot seen = host();
  const Definitions all = all_of({defined(1, vf(5)), defined(2, vf(4))});
  const Error reserved = refusal([&] { plan_define(seen, all, request_for(defined(3, vf(4)))); });
  CHECK(reserved.code() == ExitCode::conflict);
  CHECK(
      std::string(reserved.what()).find("virtual function 0000:41:00.4 is reserved for '" + uuid(2).str()) !=
      std::string::npos);
  DefineRequest forced = request_for(defined(3, vf(4)));
  forced.fits = FitsHost::later;
  CHECK_NOTHROW(plan_define(seen, all, forced));
  ModifyRequest request;
  request.function = FunctionName::parse(vf(4));
  CHECK(refusal([&] { plan_modify(seen, all, all.all[0], request); }).code() == ExitCode::conflict);
  request.function = FunctionName::parse("any");
  CHECK_NOTHROW(plan_modify(seen, all, all.all[0], request));
  occupy(seen, 6, uuid(8), true);
  CHECK(refusal([&] { plan_define(seen, all, request_for(defined(3, vf(6)))); }).code() ==
        ExitCode::conflict);
  CHECK_NOTHROW(plan_define(seen, all, request_for(defined(8, vf(6)))));
}

TEST_CASE("a virtual function that the settings of the parent reserve is never assigned") {
  Snapshot seen = host();
  Definitions all;
  all.withheld = {{gpu, *FunctionName::parse(vf(4))}};
  CHECK(function_for(seen, all, defined(1), "cannot define")->str() == vf(5));
  CHECK_THROWS_AS(require_free_function(seen, all, defined(1, vf(4)), "cannot define"), Error);
  StartPlanner floating(seen, {.defined = &all});
  CHECK(describe(floating.plan(defined(1, "any")).steps.front().action).find(vf(4)) == std::string::npos);
  StartPlanner named(seen, {.defined = &all});
  CHECK_THROWS_AS(named.plan(defined(2, vf(4))), Error);
  for (unsigned number = 5; number < 8; ++number) {
    occupy(seen, number, uuid(number), false);
  }
  StartPlanner full(seen, {.defined = &all});
  try {
    full.plan(defined(3, "any"));
    FAIL("assigned");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find(vf(4) + " by the settings of the parent") != std::string::npos);
  }
}
