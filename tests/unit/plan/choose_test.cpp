#include <mdevadm/plan/choose.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

Type type(const char* id, const char* description, std::optional<std::uint64_t> available = 1) {
  return {.id = *TypeName::parse(id),
          .name = std::string("GRID ") + id,
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

std::string chosen(const std::vector<const char*>& texts, Availability availability = Availability::now) {
  std::vector<Requirement> needs;
  for (const char* text : texts) {
    needs.push_back(*parse_requirement(text));
  }
  try {
    const Snapshot seen = host();
    const Choice choice = choose_type(seen, needs, availability, "cannot choose");
    return choice.type->id.str() + " on " + choice.parent->name.str();
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code()));
  }
}

}  // namespace

TEST_CASE("a requirement consists of property and comparison and value") {
  const auto need = parse_requirement("Framebuffer >= 2G");
  REQUIRE(need);
  CHECK(need->property == "framebuffer");
  CHECK(need->comparison == Requirement::Comparison::at_least);
  CHECK(need->value == PropertyValue(Bytes{std::uint64_t{2} << 30}));
  for (const char* bad : {"", "framebuffer", ">=2G", "framebuffer>=", "a=>2", "a>=2>3"}) {
    CHECK_FALSE(parse_requirement(bad));
  }
}

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
  CHECK(chosen({"max_resolution>=2G"}) == "2");
  CHECK(chosen({"num_heads>=x"}) == "2");
  CHECK_NOTHROW(require_known_properties({}, {*parse_requirement("colour=red")}, "cannot choose"));
}

TEST_CASE("the choice names other available types of the same size") {
  Snapshot seen = host();
  seen.parents[0].types.push_back(
      type("other", "framebuffer=1024M, max_resolution=2560x1600, num_heads=2", 8));
  seen.parents.pop_back();
  const Choice choice =
      choose_type(seen, {*parse_requirement("framebuffer>=1G")}, Availability::now, "cannot choose");
  CHECK(choice.why ==
        "selected small (GRID small) on one, the smallest available match (framebuffer=1024M); of the same "
        "size: other (GRID other) (select one with --type)");
  seen.parents[0].types.back().available = 0;
  CHECK(choose_type(seen, {*parse_requirement("framebuffer>=1G")}, Availability::now, "x")
            .why.find("same size") == std::string::npos);
}

TEST_CASE("a resolution meets a requirement only if width and height do") {
  CHECK(chosen({"max_resolution>=2560x1600"}) == "small on two");
  CHECK(chosen({"max_resolution>=2000x2000"}) == "large on one");
  CHECK(chosen({"max_resolution>=4000x1000"}) == "3");
  CHECK(chosen({"max_resolution<3840x2160"}) == "small on two");
}
