#include "../../../src/store/plain_definition.hpp"

#include <mdevadm/store/definition_file.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const store::Identity& identity() {
  static const store::Identity known{Uuid::parse("8f3c2a10-0000-4000-8000-000000000001"),
                                     ParentName::parse("matrix")};
  return known;
}

std::optional<Definition> read_plain(const std::string& text) {
  return store::read_plain_definition(text, identity());
}

// The text of a definition that is plain without `line`.
std::string with(const char* line) {
  return std::string("type = \"x\"\n") + line;
}

}  // namespace

TEST_CASE("plain TOML is read as the library reads it") {
  for (const char* text : {
           "",
           "\n\n",
           "# a comment only",
           "start = \"auto\"\n",
           "start=\"manual\"\n\t name\t=\t\"seat 1\"   # at boot\n",
           "aggregate = 10\ncreate_args = \"\"\nvf = \"any\"",
           "aggregate = 9223372036854775807\nvf = \"0000:41:00.4\"\ncreate_args = \"a # in a text\"\n",
           "vf = \"41:0A.7\"\n",
           "applied_by = \"8F3C2A10-0000-4000-8000-000000000002\"\n",
           "[node]\n",
           "[ node ]\nmode = \"0660\"\nowner = \"qemu\"\ngroup = \"107\"\nselinux_label = \"a:b c\"\n",
           "[abi]\n",
           "[node]\nmode = \"0660\"\n\n[abi] # recorded\nname = \"GRID\tT4\"\nb = \"2\"\na = \"1\"\n-1 = "
           "\"3\"\n",
           "[[attribute]]\nname = \"b\"\nvalue = \"1\"\n[[attribute]]\nvalue = \"\"\nname = \"a/c\"\n",
           "[[attribute]]\nname = \"a\"\nvalue = \"1\"\n[ node ]\n[[ attribute ]]\nname = \"a\"\nvalue = "
           "\"1\"\n",
       }) {
    CAPTURE(text);
    const auto plain = read_plain(with(text));
    REQUIRE(plain);
    const store::FileContent content = store::read_with_library(with(text), "f.toml", identity());
    CHECK(content.definition == plain);
    CHECK(content.problems.empty());
    const store::FileContent parsed = store::parse_definition(with(text), "f.toml", identity());
    CHECK(parsed.definition == plain);
    CHECK(parsed.uuid == content.uuid);
    CHECK(parsed.parent == content.parent);
  }
}

TEST_CASE("the library reads what is more than plain TOML, invalid or unknown") {
  for (const char* text : {
           "create_args = \"\\n\"\n",
           "create_args = 'literal'\n",
           "create_args = \"\"\"lines\"\"\"\n",
           "create_args = \"\"\"\"\"\"\n",
           "create_args = \"open\n",
           "create_args = \"two\" \"texts\"\n",
           "create.args = \"dotted\"\n",
           "\"name\" = \"quoted key\"\n",
           "aggregate = 0\n",
           "aggregate = 007\n",
           "aggregate = -1\n",
           "aggregate = +1\n",
           "aggregate = 1_000\n",
           "aggregate = 1.5\n",
           "aggregate = 0x10\n",
           "aggregate = 9223372036854775808\n",
           "aggregate = 1979-05-27\n",
           "aggregate = true\n",
           "aggregate = \"1\"\n",
           "name = 1\n",
           "name = [\"list\"]\n",
           "name = {b = \"inline\"}\n",
           "name\n",
           "name =\n",
           "= \"no key\"\n",
           "name = \"1\"\nname = \"2\"\n",
           "type = \"x\"\n",
           "start = \"auto\"\nstart = \"auto\"\n",
           "aggregate = 1\naggregate = 1\n",
           "[node]\n[node]\n",
           "[abi]\n[abi]\n",
           "[node]\nmode = \"0660\"\nmode = \"0660\"\n",
           "[abi]\na = \"1\"\na = \"1\"\n",
           "[[attribute]]\nname = \"a\"\nname = \"a\"\nvalue = \"1\"\n",
           "[attribute]\nname = \"a\"\nvalue = \"1\"\n",
           "[[node]]\n",
           "[[abi]]\n",
           "[node]\n[[node]]\n",
           "node = \"1\"\n[node]\n",
           "[node.a]\n",
           "[node\n",
           "[[attribute]\nname = \"a\"\nvalue = \"1\"\n",
           "[[attribute] ]\nname = \"a\"\nvalue = \"1\"\n",
           "[ [attribute]]\nname = \"a\"\nvalue = \"1\"\n",
           "[]\n",
           "[node] mode = \"0660\"\n",
           "name = \"1\"\r\n",
           "name = \"\xc3\xa9\"\n",
           "# \xc3\xa9\n",
           "name = \"\x7f\"\n",
           "name = \"\x01\"\n",
           "name = \"-1\"\n",
           "name = \"8f3c2a10-0000-4000-8000-000000000001\"\n",
           "start = \"Auto\"\n",
           "vf = \"a/b\"\n",
           "vf = \"41:00.8\"\n",
           "vf = \"Any\"\n",
           "applied_by = \"8f3c2a10\"\n",
           "uuid = \"8f3c2a10-0000-4000-8000-000000000001\"\n",
           "parent = \"other\"\n",
           "colour = \"red\"\n",
           "[ap]\n",
           "[colour]\n",
           "[node]\nmode = \"0888\"\n",
           "[node]\nmode = \"1000\"\n",
           "[node]\nmode = \"\"\n",
           "[node]\nmode = 660\n",
           "[node]\nowner = \"a b\"\n",
           "[node]\ncolour = \"red\"\n",
           "[abi]\na = 1\n",
           "[[attribute]]\n",
           "[[attribute]]\nname = \"a\"\n",
           "[[attribute]]\nvalue = \"1\"\n[node]\n",
           "[[attribute]]\nname = \"../a\"\nvalue = \"1\"\n",
           "[[attribute]]\nname = \"a\"\nvalue = \"1\"\ncolour = \"red\"\n",
       }) {
    CAPTURE(text);
    CHECK_FALSE(read_plain(with(text)));
  }
  CHECK_FALSE(read_plain("\xef\xbb\xbftype = \"x\"\n"));
  CHECK_FALSE(read_plain("name = \"without a type\"\n"));
  CHECK_FALSE(read_plain("type = \"a/b\"\n"));
  CHECK_FALSE(store::read_plain_definition("type = \"x\"\n", {std::nullopt, ParentName::parse("matrix")}));
  CHECK_FALSE(store::read_plain_definition("type = \"x\"\n", {identity().uuid, std::nullopt}));
}

TEST_CASE("names of a similar definition are shared, others are not") {
  const std::string text = "type = \"x\"\n[[attribute]]\nname = \"a\"\nvalue = \"1\"\n";
  const auto first = read_plain(text);
  REQUIRE(first);
  const auto same = store::read_plain_definition(text, identity(), &*first);
  REQUIRE(same == first);
  CHECK(&same->type.str() == &first->type.str());
  CHECK(&same->attributes.front().name.str() == &first->attributes.front().name.str());
  const std::string other =
      "type = \"y\"\n[[attribute]]\nname = \"b\"\nvalue = \"1\"\n[[attribute]]\nname = \"a\"\nvalue = "
      "\"1\"\n";
  CHECK(store::read_plain_definition(other, identity(), &*first) == read_plain(other));
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
