#include <mdevadm/util/uuid.hpp>

#include <set>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("Uuid::parse accepts hexadecimal digits in 8-4-4-4-12 form and str is lower case") {
  CHECK(Uuid::parse("C0FFEE00-1111-4222-8333-444444444444")->str() == "c0ffee00-1111-4222-8333-444444444444");
  CHECK(Uuid::parse("00000000-0000-0000-0000-000000000000"));
  CHECK(Uuid::parse("ffffffff-ffff-ffff-ffff-ffffffffffff"));
  CHECK(Uuid::parse("00000001-0000-0000-0000-000000000104"));
}

TEST_CASE("Uuid::parse rejects all other forms") {
  for (const char* text : {"", "c0ffee00", "c0ffee0011114222833344444444444",
                           "c0ffee00-1111-4222-8333-44444444444", "c0ffee00-1111-4222-8333-4444444444444",
                           "g0ffee00-1111-4222-8333-444444444444", "c0ffee00_1111-4222-8333-444444444444",
                           " c0ffee00-1111-4222-8333-44444444444", "{0ffee00-1111-4222-8333-44444444444}"}) {
    CAPTURE(text);
    CHECK_FALSE(Uuid::parse(text));
  }
  CHECK_FALSE(Uuid::parse(std::string_view("c0ffee00-1111-4222-8333-44444444444\0", 36)));
}

TEST_CASE("Uuid::random returns distinct UUIDs of version 4") {
  std::set<Uuid> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(Uuid::random());
  }
  CHECK(seen.size() == 1000);
  CHECK(seen.begin()->str()[14] == '4');
}
