#include <mdevadm/util/compact.hpp>

#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("a boxed value is copied and compared like an optional one") {
  Boxed<std::string> one = std::string("a");
  Boxed<std::string> copy = one;
  copy.made() += "b";
  CHECK(*one == "a");
  CHECK(copy == std::string("ab"));
  CHECK_FALSE(one == copy);
  one = copy;
  CHECK(one == copy);
  one = std::optional<std::string>{};
  CHECK_FALSE(one.has_value());
  CHECK(one.or_default().empty());
  CHECK(one.value_or("c") == "c");
  CHECK(one == Boxed<std::string>(std::nullopt));
  CHECK(std::optional<std::string>(copy) == "ab");
}

TEST_CASE("a rare text is empty or has its text") {
  RareText text;
  CHECK(text.empty());
  CHECK(text.str().empty());
  text = "0000:41:00.4";
  CHECK(text == "0000:41:00.4");
  CHECK(text == RareText(std::string("0000:41:00.4")));
  text = std::string();
  CHECK(text.empty());
  CHECK(text == RareText());
}

TEST_CASE("a rare list is empty or has its items") {
  RareList<int> list;
  CHECK(list.empty());
  CHECK(list.begin() == list.end());
  list = {1, 2};
  const RareList<int> copy = list;
  list.made().push_back(3);
  CHECK(list.size() == 3);
  CHECK(list[2] == 3);
  CHECK(copy.list() == std::vector<int>{1, 2});
  CHECK(copy.front() == 1);
  list = std::vector<int>{};
  CHECK(list.empty());
}

TEST_CASE("a path ends in the UUID of the device or is a whole path") {
  const auto above = std::make_shared<const std::string>("sys/devices/p");
  for (const char* text : {"aaaaaaaa-1111-2222-3333-444444444401", "00000000-0000-0000-0000-000000000000"}) {
    const DevicePath path(above, *Uuid::parse(text));
    const DevicePath copy = path;
    CHECK(copy.str() == std::string("sys/devices/p/") + text);
  }
  CHECK(DevicePath("sys/devices/p/d").str() == "sys/devices/p/d");
  CHECK(DevicePath().str().empty());
}
