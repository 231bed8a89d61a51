// Invalid input and failures: the message and exit code are correct and nothing is changed.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "program.hpp"
#include "tree.hpp"

using namespace mdevadm;

namespace {

struct World : test::Host {
  World() : Host("samples") {}
  test::Ran run(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--root", str()});
    return test::mdevadm(words);
  }
};

}  // namespace

TEST_CASE("usage errors have exit code 2 and a message and a hint where possible") {
  struct Case {
    std::vector<std::string> words;
    std::string error;
    std::string hint;
  };
  for (const Case& c : std::vector<Case>{
           {{"strat"}, "unknown command 'strat'", "did you mean 'start'?"},
           {{"frobnicate"}, "unknown command 'frobnicate'", "see mdevadm help"},
           {{"list", "--defind"}, "'list' has no option '--defind'", "did you mean '--defined'?"},
           {{"list", "--json=x", "y"}, "", "see mdevadm help list"},
           {{"list", "--all", "--defined"}, "", "see mdevadm help list"},
           {{"start"}, "missing argument DEVICE", ""},
           {{"stop"}, "missing argument DEVICE", ""},
           {{"define"}, "nothing to define", ""},
           {{"define", "-p", "mtty"}, "missing option --type", ""},
           {{"define", "-t", "mtty-1"}, "missing option --parent", ""},
           {{"start", "-t", "mtty-1"}, "missing option --parent", ""},
           {{"stop", "x", "--timeout", "soon"}, "--timeout: invalid time 'soon'", ""},
           {{"stop", "x", "--timeout", "-1"}, "--timeout: invalid time '-1'", ""},
           {{"define", "-p", "mtty", "-t", "mtty-1", "--aggregate", "0"},
            "--aggregate: invalid number '0'",
            ""},
           {{"define", "-p", "mtty", "-t", "mtty-1", "--attr", "x"},
            "--attr: invalid attribute 'x' (expected NAME=VALUE)\n",
            ""},
           {{"define", "-p", "mtty", "-t", "mtty-1", "--selinux-label", "a\nb"},
            "--selinux-label: invalid SELinux label ",
            ""},
           {{"define", "-p", "mtty", "-t", "mtty-1", "--create-arg", "a\nb"},
            "--create-arg: invalid create argument ",
            ""},
           {{"modify", "x", "--delete-attr", "../a"},
            "--delete-attr: invalid attribute '../a' (expected a path below the device's sysfs directory, or "
            "a "
            "number)\n",
            ""},
           {{"types", "--need", "framebuffer"},
            "--need: invalid requirement 'framebuffer' (expected PROPERTY OP VALUE such as framebuffer>=2G; "
            "OP is >=, <=, >, <, = or !=)\n",
            ""},
           {{"help", "frob"}, "unknown command 'frob'", ""},
           {{"undefine"}, "missing argument DEVICE (or --all)", ""},
           {{"restart"}, "", "see mdevadm help restart"},
       }) {
    const test::Ran ran = test::mdevadm(c.words);
    CAPTURE(c.words, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("mdevadm: error: " + c.error) == 0);
    CHECK((c.hint.empty() || ran.err.find("hint: " + c.hint) != std::string::npos));
    CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') <= 2);
  }
}

TEST_CASE("names with a path separator or control character are refused and nothing is written") {
  const World world;
  for (const std::string bad : {"../x", "a/b", "/", "..", ".", "", "a\nb", "a\x1b[0m"}) {
    CAPTURE(bad);
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"define", "-p", bad, "-t", "mtty-1", "--force"},
             {"define", "-p", "mtty", "-t", bad, "--force"},
             {"start", "-p", bad, "-t", "mtty-1"},
             {"define", "-p", "mtty", "-t", "mtty-1", "--name", bad == "" ? "-x" : bad},
             {"define", "-p", "mtty", "-t", "mtty-1", "--attr", bad == "a/b" ? "../a=1" : bad + "=1"},
         }) {
      const test::Ran ran = world.run(words);
      CAPTURE(words, ran.err);
      CHECK(ran.code == 2);
      CHECK(ran.err.find('\x1b') == std::string::npos);
    }
  }
  CHECK_FALSE(std::filesystem::exists(world.path() / "etc"));
}

TEST_CASE("malformed UUIDs are refused and nothing is written") {
  const World world;
  for (const std::string bad :
       {"1", "c0ffee00-1111-4222-8333-00000000000", "c0ffee00111142228333000000000001", "not-a-uuid"}) {
    CAPTURE(bad);
    CHECK(world.run({"define", bad, "-p", "mtty", "-t", "mtty-1"}).code == 2);
    CHECK(world.run({"define", "-u", bad, "-p", "mtty", "-t", "mtty-1"}).code == 2);
    CHECK(world.run({"start", "-u", bad, "-p", "mtty", "-t", "mtty-1"}).code == 2);
  }
  CHECK_FALSE(std::filesystem::exists(world.path() / "etc"));
}

TEST_CASE("an invalid definition file is skipped and commands for other devices do not report it") {
  const World world;
  const auto directory = world.path() / "etc/mdevadm/devices/mtty";
  test::write_text(directory / "00000000-0000-0000-0000-0000000000bb.toml",
                   "type = \"mtty-1\"\nstart == 1\n");
  test::write_text(directory / "00000000-0000-0000-0000-0000000000cc.toml", "type = \"mtty-1\"\n");
  const test::Ran ran = world.run({"list", "--defined"});
  CHECK(ran.code == 0);
  CHECK(ran.err == "mdevadm: warning: 1 definition file has a problem; for details: mdevadm status\n");
  CHECK(ran.out.find("0000000000cc") != std::string::npos);
  CHECK(ran.out.find("0000000000bb") == std::string::npos);
  const test::Ran json = world.run({"list", "--defined", "--json"});
  CHECK(nlohmann::json::parse(json.err)["warning"]["message"].is_string());
  const test::Ran status = world.run({"status"});
  CHECK(status.err.empty());
  CHECK(status.out.find("0000000000bb.toml:2:8: ") != std::string::npos);
  const test::Ran other = world.run({"modify", "00000000-0000-0000-0000-0000000000cc", "--auto"});
  CHECK(other.code == 0);
  CHECK(other.err.empty());
  CHECK(test::read_text(directory / "00000000-0000-0000-0000-0000000000bb.toml") ==
        "type = \"mtty-1\"\nstart == 1\n");
  const test::Ran bad = world.run({"undefine", "00000000-0000-0000-0000-0000000000bb"});
  CHECK(bad.code == 1);
  CHECK(bad.err.find("its definition cannot be used: ") != std::string::npos);
  CHECK(bad.err.find("0000000000bb.toml:2:8: ") != std::string::npos);
}

TEST_CASE("a refused command writes no definition") {
  const World world;
  CHECK(world.run({"define", "-p", "nope", "-t", "x"}).code == 3);
  CHECK(world.run({"define", "-p", "mtty", "-t", "mtty-9"}).code == 3);
  CHECK(world.run({"undefine", "nosuch"}).code == 3);
  CHECK(world.run({"modify", "nosuch", "--auto"}).code == 3);
  CHECK_FALSE(std::filesystem::exists(world.path() / "etc"));
}

TEST_CASE("repeatable options do not consume the following arguments") {
  const World world;
  const std::string uuid = "00000000-0000-0000-0000-0000000000bb";
  const test::Ran ran =
      world.run({"define", "--attr", "a=1", "--attr", "b=[x,y]", uuid, "--parent=mtty", "-tmtty-1"});
  CHECK(ran.code == 0);
  CHECK(ran.out == uuid + "\n");
  CHECK(world.run({"show", uuid, "-o", "attributes"}).out == "attributes:\n  1. a=1\n  2. b=[x,y]\n");
}

TEST_CASE("define does not overwrite an invalid definition file") {
  const World world;
  const auto file = world.path() / "etc/mdevadm/devices/mtty/00000000-0000-0000-0000-0000000000bb.toml";
  test::write_text(file, "broken");
  const test::Ran ran =
      world.run({"define", "00000000-0000-0000-0000-0000000000bb", "-p", "mtty", "-t", "mtty-1"});
  CHECK(ran.code == 4);
  CHECK(test::read_text(file) == "broken");
}

TEST_CASE("a missing root directory is reported") {
  const test::Ran ran = test::mdevadm({"list", "--root", "/nonexistent"});
  CHECK(ran.code == 1);
  CHECK(ran.err ==
        "mdevadm: error: cannot use '/nonexistent' as the root directory: No such file or directory\n");
}

TEST_CASE("errors of group commands name the command and the group") {
  const World world;
  for (const auto& [words, goal] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"group", "show", "vm1"}, "show group"},
           {{"group", "modify", "vm1", "--auto"}, "modify group"},
           {{"group", "delete", "vm1"}, "delete group"},
           {{"group", "rename", "vm1", "vm2"}, "rename group"},
           {{"group", "add", "vm1", "x"}, "add to group"},
           {{"group", "remove", "vm1", "x"}, "remove from group"},
           {{"group", "start", "vm1"}, "start group"},
           {{"group", "stop", "vm1"}, "stop group"},
           {{"define", "-p", "mtty", "-t", "mtty-1", "--group", "vm1"}, "define a member of group"}}) {
    const test::Ran ran = world.run(words);
    CAPTURE(words);
    CHECK(ran.code == 3);
    CHECK(ran.err == "mdevadm: error: cannot " + goal +
                         " 'vm1': no group with this name\nhint: list groups: mdevadm group list\n");
  }
}

TEST_CASE("usage errors are printed as JSON with --json") {
  const test::Ran ran = test::mdevadm({"list", "--json", "--nope"});
  CHECK(ran.code == 2);
  CHECK(ran.out.empty());
  const auto json = nlohmann::json::parse(ran.err);
  CHECK(json["error"]["code"] == 2);
  CHECK(json["error"]["hints"].is_array());
}
