#include <mdevadm/util/yaml.hpp>

#include <fmt/format.h>

#include <string>

#include "catch.hpp"

using namespace mdevadm;

namespace {

// Returns "line:column: message", or "" if the text is a document.
std::string problem_of(const std::string& text) {
  try {
    YamlDocument::parse(text);
    return {};
  } catch (const YamlProblem& problem) {
    return fmt::format("{}:{}: {}", problem.where.line, problem.where.column, problem.message);
  }
}

}  // namespace

TEST_CASE("a YAML document is read with the positions of its nodes") {
  const YamlDocument document = YamlDocument::parse("a: &x [1, '2']\nb:\n  - *x\n  - !!str 3\n");
  REQUIRE(document.root().kind == YamlNode::Kind::mapping);
  REQUIRE(document.root().pairs.size() == 2);
  const YamlNode& first = document[document.root().pairs[0].second];
  const YamlNode& second = document[document.root().pairs[1].second];
  REQUIRE(first.kind == YamlNode::Kind::sequence);
  CHECK(document[first.items[0]].text == "1");
  CHECK_FALSE(document[first.items[0]].quoted);
  CHECK(document[first.items[1]].quoted);
  CHECK(document[first.items[1]].where.line == 1);
  CHECK(document[first.items[1]].where.column == 11);
  REQUIRE(second.items.size() == 2);
  CHECK(&document[second.items[0]] == &first);
  CHECK(document[second.items[1]].tag == "tag:yaml.org,2002:str");
  CHECK(document[second.items[1]].where.line == 4);
}

TEST_CASE("problems of a YAML document name the place") {
  CHECK(problem_of("") == "1:1: the file is empty");
  CHECK(problem_of("# only a comment\n") == "1:1: the file is empty");
  CHECK(problem_of("a: 1\n---\nb: 2\n").starts_with("2:1: the file has several YAML documents"));
  CHECK(problem_of("a: [1\nb: 2\n").starts_with("2:2: invalid YAML: "));
  CHECK(problem_of("a: *nowhere\n") == "1:4: undefined alias '*nowhere'");
  CHECK(problem_of("a:\n\t- 1\n").starts_with("2:1: invalid YAML: "));
  CHECK(problem_of(std::string("a: 1\nb: \x01\n")).starts_with("2:4: invalid YAML: "));
  CHECK(problem_of("a: \xff\xfe\n").find("invalid YAML: ") != std::string::npos);
  CHECK(problem_of(std::string(1000, '\0')).find("invalid YAML: ") != std::string::npos);
  CHECK(problem_of("%YAML 9.9\n---\na: 1\n").find("invalid YAML: ") != std::string::npos);
}

TEST_CASE("a YAML document may contain itself, and has limits") {
  CHECK(problem_of("&a [*a]\n").empty());
  CHECK(problem_of(std::string(100000, '[')) == "1:33: more than 32 levels of nesting");
  CHECK(problem_of(std::string(100000, '{')).find("more than 32 levels of nesting") != std::string::npos);
  std::string many = "[";
  for (int i = 0; i < 200001; ++i) {
    many += "1,";
  }
  CHECK(problem_of(many + "]").find("more than 200000 nodes") != std::string::npos);
  CHECK(problem_of(std::string(9 << 20, ' ')) == "1:1: the file is larger than 8 MiB");
}
