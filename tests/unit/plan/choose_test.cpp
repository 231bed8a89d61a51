#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/plan/choose.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

Type type(const char* id, const char* description, std::optional<std::uint64_t> available = 1) {
  return {.id = *TypeName::parse(id),
          .name = std::string("GRID ") + id,
          .description = description,
          .available = available,
          .properties = parse_properties(description)};
}

Snapshot host() {
  Snapshot seen;
  Parent one{.name = *ParentName::parse("one"), .path = "sys/one"};
  one.types = {type("small", "framebuffer=1024M, max_resolution=2560x1600, num_heads=2", 8),
               type("large", "framebuffer=4096M, max_resolution=3840x2160, num_heads=4", 2)};
  Parent two{.name = *ParentName::parse("two"), .path = "sys/two"};
  two.types = {type("small", "framebuffer=1024M, max_resolution=2560x1600, num_heads=2", 9),
               type("gone", "framebuffer=2048M, max_resolution=2560x1600, num_heads=2", 0)};
  seen.parents = {one, two};
  return seen;
}

// A GPU with virtual functions, of which the first `used` have the type 1150.
Parent gpu(const char* name, std::size_t functions = 8, std::size_t used = 0) {
  Parent parent{.name = *ParentName::parse(name), .path = std::string("sys/") + name};
  parent.capabilities.functions = true;
  parent.capabilities.types_vanish = true;
  for (const auto& [id, vendors_name, gib] : {std::tuple{"1146", "NVIDIA L40S-2B", 2U},
                                              {"1148", "NVIDIA L40S-2Q", 2U},
                                              {"1150", "NVIDIA L40S-4Q", 4U},
                                              {"1160", "NVIDIA L40S-4A", 4U},
                                              {"1156", "NVIDIA L40S-48Q", 48U}}) {
    Type one{.id = *TypeName::parse(id), .name = vendors_name};
    if (used > 0 && gib != 4) {
      continue;
    }
    one.maximum = 48 / gib;
    one.available = std::min<std::uint64_t>(functions - used, *one.maximum - used);
    add_properties_of_name(one);
    parent.types.push_back(one);
  }
  for (std::size_t i = 0; i < functions; ++i) {
    parent.functions.push_back(
        {.address = (parent.name.str() == "two" ? "0000:42:00." : "0000:41:00.") + std::to_string(i),
         .path = parent.path + "/" + std::to_string(i)});
    if (i < used) {
      parent.functions.back().type = TypeName::parse("1150");
    }
  }
  return parent;
}

Snapshot gpus(std::vector<Parent> parents) {
  Snapshot seen;
  for (const Parent& parent : parents) {
    for (const Function& function : parent.functions) {
      if (function.type) {
        seen.devices.push_back(
            {.uuid = Uuid::random(), .parent = parent.name, .type = function.type, .vf = function.address});
      }
    }
  }
  seen.parents = std::move(parents);
  return seen;
}

Definition definition(const char* parent, const char* of_type) {
  return {Uuid::random(), *ParentName::parse(parent), *TypeName::parse(of_type)};
}

std::vector<Requirement> needs(const std::vector<const char*>& texts) {
  std::vector<Requirement> result;
  for (const char* text : texts) {
    result.push_back(*parse_requirement(text));
  }
  return result;
}

// Returns "1150 on one two two", or "6: " and the error.
std::string outcome(const Snapshot& seen, const ChoiceRequest& request, const Definitions& defined = {}) {
  try {
    const Choice choice = choose(seen, defined, request, "cannot choose");
    std::string text = choice.type->id.str() + " on";
    for (const Parent* parent : choice.parents) {
      text += " " + parent->name.str();
    }
    return text;
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
  }
}

std::string chosen(const std::vector<const char*>& texts, Availability availability = Availability::now) {
  const std::string text = outcome(host(), {.needs = needs(texts), .availability = availability});
  return text.substr(0, text.find(':'));
}

}  // namespace

TEST_CASE("the smallest available type is chosen on the parent with most available instances") {
  CHECK(chosen({"framebuffer>=1G"}) == "small on two");
  CHECK(chosen({"framebuffer>1G"}) == "large on one");
  CHECK(chosen({"framebuffer=2G"}) == "6");
  CHECK(chosen({"framebuffer>=8G"}) == "3");
  CHECK(chosen({"num_heads>=4", "framebuffer<=4G"}) == "large on one");
  CHECK(chosen({"name=grid large"}) == "large on one");
  CHECK(chosen({"framebuffer=2G"}, Availability::later) == "gone on two");
}

TEST_CASE("an unknown property and a value that cannot be compared with it are usage errors") {
  CHECK(chosen({"colour=red"}) == "2");
  CHECK(chosen({"framebuffer>=2X"}) == "2");
  CHECK(chosen({"framebuffer>=2048"}) == "2");
  CHECK(chosen({"max_resolution>=2G"}) == "2");
  CHECK(chosen({"num_heads>=x"}) == "2");
}

TEST_CASE("a resolution meets a requirement only if width and height do") {
  CHECK(chosen({"max_resolution>=2560x1600"}) == "small on two");
  CHECK(chosen({"max_resolution>=2000x2000"}) == "large on one");
  CHECK(chosen({"max_resolution>=4000x1000"}) == "3");
  CHECK(chosen({"max_resolution<3840x2160"}) == "small on two");
}

TEST_CASE("the choice names other available types of the same size") {
  Snapshot seen = host();
  seen.parents[0].types.push_back(
      type("other", "framebuffer=1024M, max_resolution=2560x1600, num_heads=2", 8));
  seen.parents.pop_back();
  const ChoiceRequest request{.needs = needs({"framebuffer>=1G"})};
  CHECK(choose(seen, {}, request, "cannot choose").why ==
        "selected small (GRID small) on one, the smallest available match (framebuffer=1024M); of the same "
        "size: other (GRID other) (the first in the list is preferred; select another with --type)");
  seen.parents[0].types.back().available = 0;
  CHECK(choose(seen, {}, request, "x").why.find("same size") == std::string::npos);
}

TEST_CASE("of types of the same size the one with most functions is chosen and the others are named") {
  const Snapshot seen = gpus({gpu("one")});
  const Choice choice = choose(seen, {}, {.needs = needs({"framebuffer>=2G"})}, "cannot choose");
  CHECK(choice.type->id.str() == "1148");
  REQUIRE(choice.equal.size() == 1);
  CHECK(choice.equal.front()->id.str() == "1146");
  CHECK(choice.why.find("of the same size: 1146 (NVIDIA L40S-2B) (series are preferred in the order Q, C, B, "
                        "A; select another with --series B)") != std::string::npos);
  CHECK(outcome(seen, {.needs = needs({"framebuffer>=2G", "series=B"})}) == "1146 on one");
}

TEST_CASE("fewer slices of a GPU instance are smaller and types with media extensions come last") {
  Parent parent{.name = *ParentName::parse("one"), .path = "sys/one"};
  for (const auto& [id, name, maximum] : {std::tuple{"1", "NVIDIA H200X-2-35C", 3U},
                                          {"2", "NVIDIA H200X-1-35C", 4U},
                                          {"3", "NVIDIA H200X-1-18CME", 1U},
                                          {"4", "NVIDIA H200X-1-18C", 7U}}) {
    Type one{.id = *TypeName::parse(id), .name = name, .available = 4, .maximum = maximum};
    add_properties_of_name(one);
    parent.types.push_back(one);
  }
  CHECK(outcome(gpus({parent}), {.needs = needs({"framebuffer>=16G"})}) == "4 on one");
  CHECK(outcome(gpus({parent}), {.needs = needs({"framebuffer>=35G"})}) == "2 on one");
}

TEST_CASE("definitions that are not active take instances") {
  const Snapshot seen = gpus({gpu("one", 4), gpu("two", 4)});
  Definitions defined;
  std::string parents;
  for (int i = 0; i < 8; ++i) {
    const Choice choice = choose(seen, defined, {.needs = needs({"framebuffer>=4G"})}, "cannot choose");
    parents += choice.parents.front()->name.str() + " ";
    defined.all.push_back(definition(choice.parents.front()->name.str().c_str(), "1150"));
  }
  CHECK(parents == "one two one two one two one two ");
  CHECK(outcome(seen, {.needs = needs({"framebuffer>=4G"})}, defined) ==
        "6: cannot choose: no available instances of any type with framebuffer>=4G; definitions that are not "
        "active take instances");
  CHECK(outcome(seen, {.needs = needs({"framebuffer>=4G"}), .counting = Counting::active}, defined) ==
        "1150 on one");
}

TEST_CASE("a definition of an active device is not counted twice") {
  const Snapshot seen = gpus({gpu("one", 2, 1)});
  Definitions defined;
  defined.all = {definition("one", "1150")};
  defined.all.front().uuid = seen.devices.front().uuid;
  CHECK(outcome(seen, {.type = "1150"}, defined) == "1150 on one");
}

TEST_CASE("a virtual function that a definition reserves is taken in any case") {
  const Snapshot seen = gpus({gpu("one", 2)});
  Definitions defined;
  defined.all = {definition("one", "1150"), definition("one", "1150")};
  defined.all[0].function = FunctionName::parse("0000:41:00.0");
  defined.all[1].function = FunctionName::parse("0000:41:00.1");
  CHECK(outcome(seen, {.type = "1150", .counting = Counting::active}, defined).substr(0, 1) == "6");
  defined.all.pop_back();
  CHECK(outcome(seen, {.type = "1150", .counting = Counting::active}, defined) == "1150 on one");
}

TEST_CASE("framebuffer sizes do not mix unless the GPU shows or is set to mix them") {
  const Snapshot seen = gpus({gpu("one")});
  Definitions defined;
  defined.all = {definition("one", "1150")};
  CHECK(outcome(seen, {.type = "L40S-2Q"}, defined).substr(0, 1) == "6");
  CHECK(outcome(seen, {.type = "L40S-2Q", .mixed = {*ParentName::parse("one")}}, defined) == "1148 on one");
  Snapshot two = gpus({gpu("one"), gpu("two")});
  CHECK(outcome(two, {.type = "L40S-2Q"}, defined) == "1148 on two");
}

TEST_CASE("an idle GPU can be assumed to mix framebuffer sizes, beside its inactive definitions") {
  const Snapshot seen = gpus({gpu("one", 24), gpu("two", 8, 2)});
  Definitions defined;
  // The second one does not fit beside the first without mixed sizes.
  defined.all = {definition("one", "1150"), definition("one", "1148")};
  const Parent& idle = seen.parents[0];
  Room room(idle, seen, defined, Counting::defined, false);
  CHECK(room.left(*idle.find_type("1150")) == 11);
  CHECK(room.left(*idle.find_type("1148")) == 0);
  REQUIRE(room.assume_mixed_sizes());
  CHECK(room.left(*idle.find_type("1150")) == 10);
  CHECK(room.left(*idle.find_type("1148")) == 21);
  CHECK_FALSE(room.assume_mixed_sizes());
  // A GPU with vGPUs shows whether it mixes sizes, and one that is set to mix them needs no assumption.
  CHECK_FALSE(Room(seen.parents[1], seen, defined, Counting::defined, false).assume_mixed_sizes());
  CHECK_FALSE(Room(idle, seen, defined, Counting::defined, true).assume_mixed_sizes());
}

TEST_CASE("several devices are spread over the parents or packed on few") {
  const Snapshot seen = gpus({gpu("one", 8), gpu("two", 8, 2)});
  CHECK(outcome(seen, {.type = "l40s-4q", .count = 4}) == "1150 on one one one two");
  CHECK(outcome(seen, {.type = "l40s-4q", .count = 4, .placement = Placement::pack}) ==
        "1150 on two two two two");
  CHECK(outcome(seen, {.type = "l40s-4q", .count = 8, .placement = Placement::pack}) ==
        "1150 on two two two two two two one one");
  CHECK(outcome(seen, {.type = "l40s-4q", .parent = ParentName::parse("two"), .count = 3}) ==
        "1150 on two two two");
}

TEST_CASE("all devices must fit, if need be with a larger type") {
  const Snapshot seen = gpus({gpu("one", 32)});
  CHECK(outcome(seen, {.type = "1150", .count = 13}) ==
        "6: cannot choose: available instances for only 12 devices of type 1150");
  CHECK(outcome(host(), {.needs = needs({"framebuffer>=1G"}), .count = 17}).substr(0, 8) == "small on");
  CHECK(outcome(host(), {.needs = needs({"framebuffer>=1G"}), .count = 18}).substr(0, 1) == "6");
  CHECK(outcome(seen, {.type = "1150", .count = 13, .availability = Availability::later}).substr(0, 7) ==
        "1150 on");
}

TEST_CASE("types that the driver does not list can be chosen for later use only") {
  Snapshot seen = gpus({gpu("one", 8, 1)});
  Type whole{.id = *TypeName::parse("1156"), .name = "NVIDIA L40S-48Q", .available = 0, .maximum = 1};
  add_properties_of_name(whole);
  seen.parents[0].unlisted = {whole};
  CHECK(outcome(seen, {.needs = needs({"framebuffer>=48G"})}) ==
        "6: cannot choose: no available instances of any type with framebuffer>=48G");
  CHECK(outcome(seen, {.type = "L40S-48Q"}).substr(0, 1) == "6");
  CHECK(outcome(seen, {.needs = needs({"framebuffer>=48G"}), .availability = Availability::later}) ==
        "1156 on one");
}

TEST_CASE("a type that the driver may accept unlisted is chosen after all listed types") {
  Snapshot seen = gpus({gpu("one", 8, 1), gpu("two", 8, 1)});
  Type half{.id = *TypeName::parse("1155"), .name = "NVIDIA L40S-24Q", .available = 1, .hidden = true};
  add_properties_of_name(half);
  seen.parents[0].unlisted = {half};
  const ChoiceRequest larger{.needs = needs({"framebuffer>=6G"})};
  CHECK(outcome(seen, larger) == "1155 on one");
  CHECK(outcome(seen, {.type = "L40S-24Q"}) == "1155 on one");
  CHECK(outcome(seen, {.type = "L40S-24Q", .count = 2}).substr(0, 1) == "6");
  CHECK(choose(seen, {}, larger, "x")
            .why.find("the driver does not list this type on one now, and may refuse it (mixed sizes)") !=
        std::string::npos);
  Type listed = half;
  listed.hidden = false;
  seen.parents[1].types.push_back(listed);
  seen.parents[1].functions[7].creatable = {{listed.id, *listed.name}, {*TypeName::parse("1148"), "L40S-2Q"}};
  CHECK(outcome(seen, larger) == "1155 on two");
  CHECK(choose(seen, {}, larger, "x").why.find("may refuse") == std::string::npos);
  CHECK(outcome(seen, {.type = "L40S-24Q", .count = 2}) == "1155 on two one");
  Type large{.id = *TypeName::parse("1156"), .name = "NVIDIA L40S-48Q", .available = 1, .maximum = 1};
  add_properties_of_name(large);
  seen.parents[1].types.back() = large;
  CHECK(outcome(seen, larger) == "1156 on two");
}

TEST_CASE("a type that no parent offers is not found, or not now if the devices exclude it") {
  const Snapshot seen = gpus({gpu("one"), gpu("two")});
  CHECK(outcome(seen, {.type = "L40S-5Q"}) == "3: cannot choose: no parent has a type 'L40S-5Q'");
  const Snapshot used = gpus({gpu("one", 8, 1), gpu("two", 8, 1)});
  CHECK(outcome(used, {.type = "L40S-48Q"}).substr(0, 1) == "6");
  CHECK(outcome(used, {.needs = needs({"framebuffer>=8G"})}) ==
        "6: cannot choose: no type that can be created now has framebuffer>=8G: one offers only types that "
        "fit beside its devices");
}
