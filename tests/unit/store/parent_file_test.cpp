#include <mdevadm/store/parent_file.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;
using namespace mdevadm::store;

namespace {

const ParentName gpu = *ParentName::parse("0000:41:00.0");

ParentSettings parsed(const std::string& text) {
  const ParentFileContent content = parse_parent_settings(text, "f", gpu);
  INFO(content.problem.str());
  REQUIRE(content.settings);
  return *content.settings;
}

std::string problem(const std::string& text) {
  const ParentFileContent content = parse_parent_settings(text, "f", gpu);
  CHECK(!content.settings);
  return content.problem.str();
}

ParentSettings full() {
  ParentSettings settings{gpu};
  settings.functions = FunctionGoal{};
  settings.method = FunctionMethod::sriov_manage;
  settings.reserved = {*FunctionName::parse("0000:41:00.4"), *FunctionName::parse("0000:41:00.5")};
  settings.commands = {{{"nvidia-smi", "-L"}, {"/bin/true"}, 5}, {{"sh", "-c", "a \"b\"\n"}, {}, {}}};
  return settings;
}

}  // namespace

TEST_CASE("the file of a parent is written and read back") {
  CHECK(parsed(format_parent_settings(full())) == full());
  CHECK(parsed(format_parent_settings({gpu})) == ParentSettings{gpu});
  ParentSettings commands{gpu};
  commands.commands = full().commands;
  CHECK(format_parent_settings(commands).starts_with("[[run]]\n"));
  CHECK(parsed(format_parent_settings(commands)) == commands);
}

TEST_CASE("addresses of reserved virtual functions are read in every spelling and once") {
  CHECK(parsed("reserved = [\"41:00.4\", \"0000:41:00.4\", \"00000000:41:00.5\"]").reserved ==
        full().reserved);
}

TEST_CASE("an invalid file of a parent is reported with line and column") {
  CHECK(problem("virtual_functions = 0") ==
        "f:1:21: 'virtual_functions' must be \"all\" or a whole number of at least 1");
  for (const char* value : {"-1", "1.5", "\"ALL\"", "[1]", "true", "\"\""}) {
    INFO(value);
    CHECK(problem(std::string("\nvirtual_functions = ") + value).starts_with("f:2:21: "));
  }
  CHECK(problem("method = \"x\"") == "f:1:10: 'method' must be \"sriov-manage\" or \"sysfs\", not \"x\"");
  CHECK(problem("reserved = \"0000:41:00.4\"").starts_with("f:1:12: 'reserved' must be a list"));
  CHECK(problem("reserved = [\"../x\"]").starts_with("f:1:13: invalid PCI address '../x'"));
  CHECK(problem("run = 1").starts_with("f:1:7: 'run' must be a list of tables"));
  CHECK(problem("run = [1]").starts_with("f:1:8: 'run' must be a list of tables"));
  CHECK(problem("[[run]]\ntimeout = 3").find("missing required key 'command'") != std::string::npos);
  CHECK(problem("[[run]]\ncommand = \"nvidia-smi -L\"").starts_with("f:2:11: 'command' must be a list"));
  CHECK(problem("[[run]]\ncommand = []").starts_with("f:2:11: "));
  CHECK(problem("[[run]]\ncommand = [\"a/b\"]").find("invalid program 'a/b'") != std::string::npos);
  CHECK(problem("[[run]]\ncommand = [\"\"]").find("invalid program ''") != std::string::npos);
  CHECK(problem("[[run]]\ncommand = [\"a\", 1]").starts_with("f:2:17: "));
  CHECK(problem("[[run]]\ncommand = [\"a\\u0000\"]").find("NUL") != std::string::npos);
  CHECK(problem("[[run]]\ncommand = [\"a\"]\ntimeout = 0").starts_with("f:3:11: "));
  CHECK(problem("[[run]]\ncommand = [\"a\"]\ntimeout = 86401").starts_with("f:3:11: "));
  CHECK(problem("virtual_functions = ").starts_with("f:1:"));
}

TEST_CASE("an unknown key in the file of a parent is a warning") {
  const ParentFileContent content =
      parse_parent_settings("color = 1\n[[run]]\ncommand = [\"a\"]\nx = 2\n", "f", gpu);
  CHECK(content.settings);
  CHECK(content.problems.size() == 2);
}

TEST_CASE("a change of a parent's settings preserves comments, order and unknown keys") {
  const std::string text =
      "# the card of the render hosts\ncolor = \"red\"\nvirtual_functions = \"all\"  # all 32\n\n"
      "# sizes\n[[run]]\ncommand = [\"a\"]  # first\nnote = 1\n\n[[run]]\ncommand = [\"b\"]\n";
  const ParentSettings before = parsed(text);
  ParentSettings after = before;
  after.functions = FunctionGoal{4};
  after.reserved = full().reserved;
  after.commands.back().command = {"c", "d"};
  CHECK(edit_parent_settings(text, "f", before, after) ==
        "# the card of the render hosts\ncolor = \"red\"\nvirtual_functions = 4  # all 32\n"
        "reserved = [\"0000:41:00.4\", \"0000:41:00.5\"]\n\n"
        "# sizes\n[[run]]\ncommand = [\"a\"]  # first\nnote = 1\n\n[[run]]\ncommand = [\"c\", \"d\"]\n");
}

TEST_CASE("every change of a parent's settings can be made in a file of mdevadm") {
  std::vector<ParentSettings> all{{gpu}, full()};
  ParentSettings other = full();
  other.functions.reset();
  other.reserved.pop_back();
  other.commands.pop_back();
  all.push_back(other);
  other.commands.clear();
  other.method.reset();
  all.push_back(other);
  other.commands = {{{"x"}, {}, {}}, {{"y"}, {}, {}}, {{"z"}, {}, {}}};
  all.push_back(other);
  for (const ParentSettings& before : all) {
    for (const ParentSettings& after : all) {
      const std::string text = format_parent_settings(before);
      CHECK(parsed(edit_parent_settings(text, "f", before, after)) == after);
    }
  }
}

TEST_CASE("a list of reservations with comments behind its values is not replaced") {
  const std::string text = "reserved = [\"0000:41:00.4\", # a guest\n]\n";
  const ParentSettings before = parsed(text);
  ParentSettings after = before;
  after.reserved.push_back(*FunctionName::parse("0000:41:00.5"));
  CHECK_THROWS_AS(edit_parent_settings(text, "f", before, after), Error);
}

TEST_CASE("a file of a parent that cannot be changed without losing comments is not changed") {
  const std::string text = "run = [\n # first\n {command = [\"a\"]}]\n";
  const ParentSettings before = parsed(text);
  try {
    edit_parent_settings(text, "f", before, {gpu});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::failed);
    CHECK(error.hints() == std::vector<std::string>{"edit the file by hand"});
  }
}
