#include <mdevadm/model/names.hpp>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("an empty name and a name with a path separator or control character are rejected") {
  for (const std::string bad : {"", ".", "..", "a/b", "/", "a\n", "\x7f", "a\x01"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParentName::parse(bad));
    CHECK_FALSE(TypeName::parse(bad));
    CHECK_FALSE(Label::parse(bad));
  }
  CHECK_FALSE(ParentName::parse(std::string(256, 'a')));
  CHECK_FALSE(ParentName::parse(std::string_view("a\0b", 3)));
}

TEST_CASE("ParentName accepts device names of the kernel") {
  for (const char* good : {"0000:86:00.0", "matrix", "mtty", "0.0.0313", "i915-GVTg_V5_4", "..."}) {
    CAPTURE(good);
    CHECK(ParentName::parse(good)->str() == good);
  }
}

TEST_CASE("AttributeName accepts subdirectories and rejects paths outside the device directory") {
  CHECK(AttributeName::parse("assign_adapter"));
  CHECK(AttributeName::parse("nvidia/vgpu_params"));
  for (const char* bad : {"", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "a/./b", "a\tb"}) {
    CAPTURE(bad);
    CHECK_FALSE(AttributeName::parse(bad));
  }
}

TEST_CASE("a label cannot be a UUID or begin with a hyphen") {
  CHECK(Label::parse("cad-seat-1"));
  CHECK(Label::parse("Büro 3"));
  CHECK_FALSE(Label::parse("-x"));
  CHECK_FALSE(Label::parse("c0ffee00-1111-4222-8333-444444444444"));
}

TEST_CASE("names are compared by their texts, and copies share them") {
  const ParentName name = *ParentName::parse("0000:86:00.0");
  const ParentName same = *ParentName::parse("0000:86:00.0");
  const ParentName next = *ParentName::parse("0000:87:00.0");
  CHECK(name == same);
  CHECK(name < next);
  CHECK(next > same);
  ParentName copy = name;
  CHECK(&copy.str() == &name.str());
  const ParentName moved = std::move(copy);
  CHECK(moved == name);
  copy = next;
  CHECK(copy == next);
}
