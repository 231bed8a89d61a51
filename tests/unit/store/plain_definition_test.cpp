#include "../../../src/store/plain_toml.hpp"

#include <mdevadm/store/definition_file.hpp>

#include "catch.hpp"

using namespace mdevadm;
using store::read_plain_toml;

TEST_CASE("plain TOML is read as the library reads it") {
  for (const char* text : {
           "",
           "\n\n",
           "# a comment only",
           "type = \"nvidia-36\"\nstart = \"auto\"\n",
           "type=\"nvidia-36\"\n\t start\t=\t\"auto\"   # at boot\n",
           "aggregate = 10\nempty = \"\"\nlast = \"without a line end\"",
           "a = 9223372036854775807\nb-c_1 = \"a # in a text\"\n1 = \"a key of a digit\"\n",
           "type = \"x\"\n[node]\nmode = \"0660\"\n\n[abi] # recorded\nname = \"GRID\tT4\"\n",
           "[[attribute]]\nname = \"a\"\nvalue = \"1\"\n[[attribute]]\nname = \"b\"\n[ node ]\n[[ attribute "
           "]]\n",
       }) {
    CAPTURE(text);
    const auto plain = read_plain_toml(text);
    REQUIRE(plain);
    const toml::parse_result parsed = toml::parse(text);
    REQUIRE(parsed);
    CHECK(*plain == parsed.table());
  }
}

TEST_CASE("the library reads what is more than plain TOML, or invalid") {
  for (const char* text : {
           "a = \"\\n\"\n",
           "a = 'literal'\n",
           "a = \"\"\"lines\"\"\"\n",
           "a = \"\"\"\"\"\"\n",
           "a = \"open\n",
           "a = \"two\" \"texts\"\n",
           "a.b = \"dotted\"\n",
           "\"a\" = \"quoted key\"\n",
           "a = 0\n",
           "a = 007\n",
           "a = -1\n",
           "a = +1\n",
           "a = 1_000\n",
           "a = 1.5\n",
           "a = 0x10\n",
           "a = 9223372036854775808\n",
           "a = 1979-05-27\n",
           "a = true\n",
           "a = [\"list\"]\n",
           "a = {b = \"inline\"}\n",
           "a\n",
           "a =\n",
           "= \"no key\"\n",
           "a = \"1\"\na = \"2\"\n",
           "[a]\n[a]\n",
           "[a]\n[[a]]\n",
           "[[a]]\n[a]\n",
           "a = \"1\"\n[a]\n",
           "[a.b]\n",
           "[a\n",
           "[[a]\n",
           "[[a] ]\n",
           "[ [a]]\n",
           "[]\n",
           "[a] b = \"1\"\n",
           "a = \"1\"\r\n",
           "a = \"\xc3\xa9\"\n",
           "# \xc3\xa9\n",
           "a = \"\x7f\"\n",
           "a = \"\x01\"\n",
           "\xef\xbb\xbf"
           "a = \"1\"\n",
       }) {
    CAPTURE(text);
    CHECK_FALSE(read_plain_toml(text));
  }
}

TEST_CASE("problems of a file of plain TOML have positions") {
  const auto problem_of = [](const char* text) {
    return store::parse_definition(text, "f.toml", {Uuid::random(), ParentName::parse("matrix")});
  };
  const store::FileContent invalid =
      problem_of("type = \"x\"\n[[attribute]]\nname = \"../a\"\nvalue = \"1\"\n");
  CHECK_FALSE(invalid.definition);
  CHECK(invalid.problem.line == 3);
  const store::FileContent unknown = problem_of("type = \"x\"\n\ncolour = \"red\"\n");
  CHECK(unknown.definition);
  REQUIRE(unknown.problems.size() == 1);
  CHECK(unknown.problems.front().line == 3);
}
