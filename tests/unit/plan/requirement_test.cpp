#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/plan/requirement.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

// A type of virtual functions, of which the driver reports only the name.
Type named(const char* id, const char* name, std::optional<std::uint64_t> available = 1) {
  Type type{.id = *TypeName::parse(id), .name = name, .available = available, .maximum = 12};
  add_properties_of_name(type);
  return type;
}

Snapshot host() {
  Snapshot seen;
  Parent gpu{.name = *ParentName::parse("0000:41:00.0"), .path = "sys/gpu"};
  gpu.types = {named("1146", "NVIDIA L40S-2B"), named("1148", "NVIDIA L40S-2Q"),
               named("1156", "NVIDIA L40S-48Q"), named("1158", "NVIDIA L40S-2A")};
  seen.parents = {gpu};
  return seen;
}

bool is_met(const Type& type, const char* text) {
  return meets(type, *parse_requirement(text));
}

// Returns the error for a requirement, with its first hint.
std::string objection(const char* text, const Snapshot& seen = host()) {
  try {
    require_known_properties(seen, {*parse_requirement(text)}, "cannot list types");
    return "";
  } catch (const Error& error) {
    return std::string(error.what()) + (error.hints().empty() ? "" : " | " + error.hints().front());
  }
}

// Returns the error for types that the host does not have.
std::string unknown(const char* text, const Snapshot& seen = host()) {
  try {
    require_known_types(seen, {*parse_requirement(text)}, "cannot list types");
    return "";
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::not_found);
    return error.what();
  }
}

}  // namespace

TEST_CASE("a requirement on the type takes what the option --type takes") {
  const Type type = named("1148", "NVIDIA L40S-2Q");
  for (const char* text : {"type=1148", "type=0x47c", "type=L40S-2Q", "type=l40s-2q", "type=NVIDIA L40S-2Q",
                           "type=1156,L40S-2Q", "type=L40S-*", "type!=L40S-2B", "name=L40S-2Q"}) {
    INFO(text);
    CHECK(is_met(type, text));
  }
  for (const char* text : {"type=L40S-2B", "type=2Q", "type=114", "type!=L40S-2Q", "name=1148"}) {
    INFO(text);
    CHECK_FALSE(is_met(type, text));
  }
}

TEST_CASE("a type that no parent has is not found") {
  CHECK(unknown("type=L40S-99Q") == "cannot list types: no type has type=L40S-99Q");
  for (const char* text :
       {"type=L40S-2Q", "type=L40S-99Q,1148", "type=*-99Q", "type!=L40S-99Q", "name=L40S-99Q"}) {
    INFO(text);
    CHECK(unknown(text).empty());
  }
  Snapshot seen = host();
  seen.parents[0].capabilities.types_vanish = true;
  seen.devices.push_back(
      {.uuid = *Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001"), .parent = seen.parents[0].name});
  CHECK(unknown("type=L40S-99Q", seen).empty());  // may be listed when the device is gone
}

TEST_CASE("a requirement consists of property and comparison and value") {
  const auto need = parse_requirement("Framebuffer >= 2G");
  REQUIRE(need);
  CHECK(need->property == "framebuffer");
  CHECK(need->comparison == Requirement::Comparison::at_least);
  CHECK(need->value == PropertyValue(Bytes{std::uint64_t{2} << 30}));
  CHECK(parse_requirement("series!=A")->comparison == Requirement::Comparison::not_equal);
  CHECK(parse_requirement("series==A")->comparison == Requirement::Comparison::equal);
  for (const char* bad : {"", "framebuffer", ">=2G", "framebuffer>=", "a=>2", "a>=2>3", "name~x", "a!b"}) {
    CHECK_FALSE(parse_requirement(bad));
  }
}

TEST_CASE("names of types on virtual functions are enough for requirements") {
  const Type type = named("1148", "NVIDIA L40S-2Q", 7);
  for (const char* text : {"framebuffer=2G", "memory>=2G", "memory<=2048M", "memory>0", "series=Q",
                           "num_heads>=4", "max_resolution>=7680x4320", "maximum=12", "max_instance>=12",
                           "available>6", "type=1148", "name=*-2q"}) {
    CAPTURE(text);
    CHECK(is_met(type, text));
  }
  for (const char* text : {"framebuffer>2G", "series=B", "gpu_slices>=1", "maximum!=12", "available>7"}) {
    CAPTURE(text);
    CHECK_FALSE(is_met(type, text));
  }
  CHECK(is_met(named("1416", "NVIDIA H200X-2-35C"), "gpu_slices=2"));
  CHECK_FALSE(is_met(named("1148", "NVIDIA L40S-2Q", std::nullopt), "available>=0"));
}

TEST_CASE("a text may equal any of several patterns") {
  const Type type = named("1146", "NVIDIA L40S-2B");
  CHECK(is_met(type, "series=Q,B"));
  CHECK(is_met(type, "name=*-4Q, *-2B"));
  CHECK_FALSE(is_met(type, "series!=Q,B"));
  CHECK(is_met(type, "series!=Q,A"));
  CHECK_FALSE(is_met(type, "name>=A"));
}

TEST_CASE("a size without a unit is refused with both readings and a hint with the one that fits") {
  CHECK(objection("framebuffer>=2048") ==
        "cannot list types: the size in 'framebuffer>=2048' has no unit (expected 2048M or 2048G) | 2048M is "
        "2048 MiB, 2048G is 2048 GiB; list the types with one of them: mdevadm types --need "
        "'framebuffer>=2048M'");
  CHECK(objection("memory>=4").find("--need 'memory>=4G'") != std::string::npos);
  CHECK(objection("framebuffer>=2", {}).find("expected 2M or 2G") != std::string::npos);
  CHECK(objection("framebuffer>0").empty());
  CHECK(objection("num_heads>=2").empty());
  CHECK(objection("maximum>=2").empty());
}

TEST_CASE("properties of vGPUs are accepted on a GPU whose types are hidden") {
  Snapshot seen;
  Parent gpu{.name = *ParentName::parse("0000:41:00.0"), .path = "sys/gpu"};
  gpu.types = {{.id = *TypeName::parse("1156"), .available = 0}};
  seen.parents = {gpu};
  CHECK(objection("series=Q", seen).find("unknown property") != std::string::npos);
  seen.parents[0].capabilities.types_vanish = true;
  CHECK(objection("series=Q", seen).empty());
  CHECK(objection("colour=Q", seen).find("unknown property") != std::string::npos);
}

TEST_CASE("a type whose value cannot be compared does not meet a requirement, and hides no other") {
  Snapshot seen;
  Parent gpu{.name = *ParentName::parse("0000:00:02.0"), .path = "sys/gpu"};
  gpu.types = {
      {.id = *TypeName::parse("odd"), .properties = parse_properties("weight: auto\nresolution: none")},
      {.id = *TypeName::parse("usual"), .properties = parse_properties("weight: 4\nresolution: 640x480")}};
  seen.parents = {gpu};
  CHECK(objection("weight>=4", seen).empty());
  CHECK(objection("weight=auto", seen).empty());
  CHECK(objection("resolution>=10x10", seen).empty());
  CHECK(objection("weight>=x", seen).find("expected e.g. 4") != std::string::npos);
  const Requirement need = *parse_requirement("weight>=4");
  CHECK_FALSE(meets(gpu.types[0], need));
  CHECK(meets(gpu.types[1], need));
}

TEST_CASE("a run of blanks in the name of a property counts as one") {
  CHECK(parse_properties("aicore  num: 2").at(0).name == "aicore_num");
  CHECK(parse_requirement("aicore   num >= 2")->property == "aicore_num");
  CHECK(parse_requirement("aicore_num>=2")->property == "aicore_num");
}

TEST_CASE("unknown properties and values that cannot be compared are usage errors") {
  CHECK(objection("colour=red").find("unknown property 'colour'") != std::string::npos);
  CHECK(objection("framebufer>=2G").find("did you mean 'framebuffer'") != std::string::npos);
  CHECK(objection("framebuffer>=2X").find("invalid value '2X'") != std::string::npos);
  CHECK(objection("maximum>=x").find("expected e.g. 12") != std::string::npos);
  CHECK(objection("series>Q").find("a text, which has no order (expected = or !=)") != std::string::npos);
  CHECK(objection("colour=red", {}).empty());
}
