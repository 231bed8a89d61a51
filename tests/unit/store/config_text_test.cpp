#include <mdevadm/store/config_text.hpp>

#include <fmt/format.h>

#include <mdevadm/util/uuid.hpp>
#include <utility>

#include "catch.hpp"

using namespace mdevadm;
using namespace mdevadm::store;

TEST_CASE("an mdevctl config is written in mdevctl's JSON format and parses back unchanged") {
  const Config config{"mtty-1", StartMode::automatic, {{"b", "1"}, {"a", "\x01 \"ü\"\n"}, {"b", ""}}};
  const std::string text = format_config(config, JsonForm::lines);
  CHECK(text.starts_with(
      "{\n  \"mdev_type\": \"mtty-1\",\n  \"start\": \"auto\",\n  \"attrs\": [\n    {\n      \"b\": \"1\""));
  CHECK(text.ends_with("]\n}"));
  CHECK(parse_config(text).config == config);
  CHECK(format_config({"t"}, JsonForm::compact) == R"({"mdev_type":"t","start":"manual","attrs":[]})");
}

TEST_CASE("the last of several values of a key takes precedence and unknown keys are listed") {
  const ConfigContent content =
      parse_config(R"({"x":1,"mdev_type":"a","start":"auto","mdev_type":"b","start":7,"attrs":null})");
  REQUIRE(content.config);
  CHECK(content.config->type == "b");
  CHECK(content.config->start == StartMode::manual);
  CHECK(content.unknown == std::vector<std::string>{"x"});
}

TEST_CASE("a changed config keeps unknown keys") {
  const std::string text = R"({"more": {"a": [1, 2.5, null]}, "mdev_type": "mtty-1", "start": "manual",
    "long" :123456789012345678901234, "e": 1e3,"twice":"a\"}","twice":{},"m\u006fre":[ ]})";
  Config config = *parse_config(text).config;
  config.start = StartMode::automatic;
  const std::string edited = edited_config(text, config);
  CHECK(edited == R"({
  "mdev_type": "mtty-1",
  "start": "auto",
  "attrs": [],
  "more": {"a": [1, 2.5, null]},
  "long": 123456789012345678901234,
  "e": 1e3,
  "twice": "a\"}",
  "twice": {},
  "m\u006fre": [ ]
})");
  CHECK(edited_config(edited, config) == edited);
  CHECK(edited_config(R"({"\u0073tart":"auto","mdev_type":"mtty-1","start":"manual"})", config) ==
        format_config(config, JsonForm::lines));
}

TEST_CASE("a JSON syntax error is reported with line and column") {
  const ConfigContent content = parse_config("{\n  \"mdev_type\": x\n}");
  CHECK(!content.config);
  CHECK(content.line == 2);
  CHECK(content.column == 16);
  CHECK(!content.message.empty());
  CHECK(parse_config("{b").message == "invalid JSON after '{b': expected string literal");
  CHECK(parse_config("").line == 1);
  CHECK(parse_config(std::string(500, '[')).column == 128);
}

TEST_CASE("JSON that mdevctl rejects is rejected at the position of the error") {
  using namespace std::string_view_literals;
  const std::string good = R"({"mdev_type":"a","start":"auto"})";
  REQUIRE(parse_config(good).config);
  const auto column = [](std::string_view text) {
    const ConfigContent content = parse_config(text);
    CHECK(!content.config);
    CHECK(content.line == 1);
    CHECK(!content.message.empty());
    return content.column;
  };
  CHECK(column(good + " x") == good.size() + 2);
  CHECK(column(good + good) == good.size() + 1);
  CHECK(column("\xef\xbb\xbf" + good) == 1);
  CHECK(column(good + std::string(1, '\0')) == good.size() + 1);
  CHECK(column("{\"mdev_type\":\"a\0b\",\"start\":1}"sv) == 16);
  CHECK(column(R"({"mdev_type":"a","start":1e999})") == 26);
  CHECK(column(R"({"mdev_type":"\ud800","start":1})") > 14);
  CHECK(column(R"({"mdev_type":"\udc00","start":1})") > 14);
  CHECK(column("{\"mdev_type\":\"\xff\",\"start\":1}") == 15);
}

TEST_CASE("a config with 200000 unknown keys is parsed and all of them are listed") {
  std::string text = R"({"mdev_type":"a",)";
  for (int i = 0; i < 200'000; ++i) {
    text += fmt::format("\"{}\":[],", 1'000'000 - i);
  }
  const ConfigContent content = parse_config(text + R"("start":"auto"})");
  REQUIRE(content.config);
  REQUIRE(content.unknown.size() == 200'000);
  CHECK(content.unknown.front() == "1000000");
  CHECK(content.unknown[1] == "800001");
}

TEST_CASE("ConfigList groups configs by parent like mdevctl list --dumpjson, in pieces") {
  std::string text;
  ConfigList(text).finish();
  CHECK(text == "[]");
  const Uuid a = *Uuid::parse("aaaaaaaa-1111-2222-3333-444444444401");
  const Uuid b = *Uuid::parse("bbbbbbbb-1111-2222-3333-444444444402");
  const ParentName p = *ParentName::parse("p");
  text.clear();
  std::string piece;
  ConfigList list(piece);
  const auto add = [&](const Uuid& uuid, const ParentName& parent, const Config& config) {
    list.add(uuid, parent, config);
    text += std::exchange(piece, {});
  };
  add(a, p, {"t"});
  add(b, p, {"t", StartMode::automatic});
  add(a, *ParentName::parse("q"), {"u", {}, {{"x", "\xff"}}});
  list.finish();
  text += piece;
  CHECK(text.starts_with("[\n  {\n    \"p\": [\n      {\n        \"" + a.str() + "\": {\n"));
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  CHECK(text == "[{\"p\":[{\"" + a.str() + R"(":{"mdev_type":"t","start":"manual","attrs":[]}},{")" +
                    b.str() + R"(":{"mdev_type":"t","start":"auto","attrs":[]}}],"q":[{")" + a.str() +
                    "\":{\"mdev_type\":\"u\",\"start\":\"manual\",\"attrs\":[{\"x\":\"\ufffd\"}]}}]}]");
}

TEST_CASE("valid JSON that is not an mdevctl config is rejected with mdevctl's error message") {
  CHECK(parse_config("[]").message == "invalid json");
  CHECK(parse_config(R"({"mdev_type":"a"})").message == "invalid json");
  CHECK(parse_config(R"({"mdev_type":"a","start":1,"attrs":{}})").message ==
        "attributes field is not an array");
  CHECK(parse_config(R"({"mdev_type":"a","start":1,"attrs":[{"a\n":1.50}]})").message ==
        R"(invalid JSON format for attribute {"a\n", 1.5}: value must be of type str)");
  CHECK(parse_config(R"({"mdev_type":"good\u0000bad","start":1})").message ==
        "invalid json: mdev_type must not have a NUL in it");
}

TEST_CASE("Uuid::parse_any accepts upper case and simple and braced and URN forms") {
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
