#include <mdevadm/store/config_text.hpp>
#include <mdevadm/util/uuid.hpp>
#include "catch.hpp"

using namespace mdevadm;
using namespace mdevadm::store;

TEST_CASE("a config is written as mdevctl writes it, and read again") {
  const Config config{"mtty-1", StartMode::automatic, {{"b", "1"}, {"a", "\x01 \"ü\"\n"}, {"b", ""}}};
  const std::string text = format_config(config, JsonForm::lines);
  CHECK(text.starts_with(
      "{\n  \"mdev_type\": \"mtty-1\",\n  \"start\": \"auto\",\n  \"attrs\": [\n    {\n      \"b\": \"1\""));
  CHECK(text.ends_with("]\n}"));
  CHECK(parse_config(text).config == config);
  CHECK(format_config({"t"}, JsonForm::compact) == R"({"mdev_type":"t","start":"manual","attrs":[]})");
}

TEST_CASE("the last of a key's values counts, and keys that nobody knows are named") {
  const ConfigContent content =
      parse_config(R"({"x":1,"mdev_type":"a","start":"auto","mdev_type":"b","start":7,"attrs":null})");
  REQUIRE(content.config);
  CHECK(content.config->type == "b");
  CHECK(content.config->start == StartMode::manual);
  CHECK(content.unknown == std::vector<std::string>{"x"});
}

TEST_CASE("a mistake in JSON has a line and a column") {
  const ConfigContent content = parse_config("{\n  \"mdev_type\": x\n}");
  CHECK(!content.config);
  CHECK(content.line == 2);
  CHECK(content.column == 16);
  CHECK(!content.message.empty());
  CHECK(parse_config("").line == 1);
  CHECK(parse_config(std::string(500, '[')).column == 128);
}

TEST_CASE("what is JSON and no config is refused in mdevctl's words") {
  CHECK(parse_config("[]").message == "invalid json");
  CHECK(parse_config(R"({"mdev_type":"a"})").message == "invalid json");
  CHECK(parse_config(R"({"mdev_type":"a","start":1,"attrs":{}})").message ==
        "attributes field is not an array");
  CHECK(parse_config(R"({"mdev_type":"a","start":1,"attrs":[{"a\n":1.50}]})").message ==
        R"(invalid JSON format for attribute {"a\n", 1.5}: value must be of type str)");
}

TEST_CASE("UUIDs are read in all the forms in which they are written") {
  const auto uuid = Uuid::parse("aaaaaaaa-1111-2222-3333-444444444401");
  for (const char* form :
       {"AAAAAAAA-1111-2222-3333-444444444401", "aaaaaaaa111122223333444444444401",
        "{aaaaaaaa-1111-2222-3333-444444444401}", "urn:uuid:aaaaaaaa-1111-2222-3333-444444444401"}) {
    CHECK(Uuid::parse_any(form) == uuid);
  }
  for (const char* form :
       {"", "{aaaaaaaa111122223333444444444401}", "URN:UUID:aaaaaaaa-1111-2222-3333-444444444401",
        "aaaaaaaa1-111-2222-3333-444444444401"}) {
    CHECK(!Uuid::parse_any(form));
  }
}
