#include <mdevadm/store/host_file.hpp>

#include <algorithm>

#include "catch.hpp"

using namespace mdevadm;
using namespace mdevadm::store;

namespace {

HostFile parsed(const std::string& text) {
  return parse_host({{"host.toml", text}});
}

std::vector<std::string> problems_of(const std::string& text) {
  std::vector<std::string> result;
  for (const FileProblem& problem : parsed(text).problems) {
    result.push_back(problem.str());
  }
  return result;
}

}  // namespace

TEST_CASE("the description of a host has parents, devices and groups") {
  const HostFile content = parsed(R"(version = 1
namespace = "5f0c6f0e-2f0b-4c62-9d0f-6a3ad7a3f6c1"
[[parent]]
name = "0000:41:00.0"
virtual_functions = "all"
[[parent.run]]
command = ["true"]
[[device]]
name = "seat-{}"
count = 4
need = ["framebuffer>=2G", "series=Q"]
parents = ["0000:41:00.0", "42:00.0"]
placement = "pack"
state = "defined"
start = "auto"
[[device.attribute]]
name = "a"
value = "1"
[device.node]
mode = "0660"
[[device]]
name = "rest-{}"
count = "all"
type = "GRID M60-2Q"
parents = "any"
[[group]]
name = "vm1"
members = ["seat-{}"]
p2p = "off"
)");
  REQUIRE(content.problems.empty());
  REQUIRE(content.parents.size() == 1);
  CHECK(content.parents[0].settings.commands.size() == 1);
  REQUIRE(content.devices.size() == 2);
  const DeviceEntry& seats = content.devices[0];
  CHECK(seats.count == 4U);
  CHECK(seats.needs == std::vector<std::string>{"framebuffer>=2G", "series=Q"});
  CHECK(seats.parents == std::vector<std::string>{"0000:41:00.0", "42:00.0"});
  CHECK(seats.placement == Placement::pack);
  CHECK_FALSE(seats.active);
  CHECK(seats.settings.start == StartMode::automatic);
  CHECK(seats.settings.attributes.size() == 1);
  CHECK(seats.settings.node->mode == 0660U);
  CHECK(seats.name_of(3) == "seat-3");
  CHECK(seats.at("parents.1").line == 12);
  CHECK(content.devices[1].count == std::nullopt);
  CHECK(content.devices[1].parents.empty());
  CHECK(content.devices[1].active);
  REQUIRE(content.groups.size() == 1);
  CHECK(content.groups[0].group.sharing == Sharing::off);
  CHECK(derived_uuid(content, "seat-1").str()[14] == '5');
}

TEST_CASE("all problems of a description are found, in the order of the file") {
  CHECK(problems_of("version = 2\ncolour = 1\n[[device]]\nname = \"a\"\ncount = -1\nstate = \"up\"\n") ==
        std::vector<std::string>{
            "host.toml:1:11: unsupported version of the format (expected 1)",
            "host.toml:2:1: unknown key 'colour'",
            "host.toml:3:1: missing required key 'type' or 'need' in [[device]]",
            "host.toml:5:9: 'count' must be \"all\" or a whole number from 1 to 65536",
            "host.toml:6:9: 'state' must be \"active\" or \"defined\", not \"up\"",
        });
  CHECK(problems_of("") ==
        std::vector<std::string>{"host.toml:1:1: missing required key 'version' (expected version = 1)"});
}

TEST_CASE("all problems of one table are found") {
  const std::string text = R"(version = 1
[[device]]
nmae = "a"
tpye = "t"
parents = ["a/b", 7, "p0", "p0"]
uuid = ["x"]
count = 0
[[parent]]
nmae = "p0"
virtual_functions = "some"
reserved = [1, "x"]
[[group]]
name = "a b"
p2p = "no"
[[devcie]]
)";
  CHECK(
      problems_of(text) ==
      std::vector<std::string>{
          "host.toml:3:1: unknown key 'nmae' in [[device]] (did you mean 'name'?)",
          "host.toml:4:1: unknown key 'tpye' in [[device]] (did you mean 'type'?)",
          "host.toml:5:12: invalid parent 'a/b': must be a single path component without control characters",
          "host.toml:5:19: 'parents' must have only strings, not an integer",
          "host.toml:5:28: parent 'p0' is listed twice",
          "host.toml:6:8: 'uuid' must be a string, not an array",
          "host.toml:7:9: 'count' must be \"all\" or a whole number from 1 to 65536",
          "host.toml:9:1: unknown key 'nmae' in [[parent]] (did you mean 'name'?)",
          "host.toml:10:21: 'virtual_functions' must be \"all\" or a whole number of at least 1",
          "host.toml:11:13: 'reserved' must be a string, not an integer",
          "host.toml:11:16: invalid PCI address 'x' (expected e.g. 0000:41:00.4)",
          "host.toml:12:1: missing required key 'members' in [[group]]",
          "host.toml:13:8: invalid name 'a b': must be a name without '/', blanks and control characters, "
          "not "
          "begin with '-' or '.' and not be a UUID",
          "host.toml:14:7: 'p2p' must be \"auto\", \"require\" or \"off\", not \"no\"",
          "host.toml:15:3: unknown key 'devcie' (did you mean 'device'?)",
      });
  const HostFile file = parsed(text);
  REQUIRE(file.devices.size() == 1);
  CHECK_FALSE(file.devices[0].complete);
  CHECK_FALSE(file.devices[0].knows("name"));
  CHECK_FALSE(file.devices[0].knows("parents"));
  CHECK(file.devices[0].count == std::nullopt);
  CHECK(file.unread.parents);
  CHECK(file.unread.devices);
  CHECK(file.unread.groups);
  CHECK_FALSE(file.unread.space);
}

TEST_CASE("files that cannot be read do not keep the others from being read") {
  const HostFile file = parse_host({{"1.toml", "version = ["},
                                    {"2.toml", "version = 1\n[[device]]\nname = \"a-{}\"\ncolor = 1\n"},
                                    {"3.toml", "", "Permission denied"}});
  std::vector<std::string> problems;
  for (const FileProblem& problem : file.problems) {
    problems.push_back(problem.str());
  }
  CHECK(problems == std::vector<std::string>{
                        "1.toml:1:12: invalid TOML: ']' missing after the list",
                        "2.toml:2:1: missing required key 'type' or 'need' in [[device]]",
                        "2.toml:4:1: unknown key 'color' in [[device]]",
                        "3.toml: Permission denied",
                    });
  CHECK(file.devices.size() == 1);
  CHECK(file.unread.space);
  CHECK(file.unread.parents);
  const HostFile with_space = parse_host(
      {{"1.toml", "?"}, {"2.toml", "version = 1\nnamespace = \"5f0c6f0e-2f0b-4c62-9d0f-6a3ad7a3f6c1\"\n"}});
  CHECK_FALSE(with_space.unread.space);
}

TEST_CASE("an entry may have the names of its pattern") {
  const HostFile file =
      parsed("version = 1\n[[device]]\nname = \"a[*]-{parent}-{}\"\ncount_per_parent = 0\ntype = \"t\"\n");
  REQUIRE(file.devices.size() == 1);
  CHECK(file.devices[0].may_have_name("a[*]-p0-12"));
  CHECK_FALSE(file.devices[0].may_have_name("ax-p0-12"));
  CHECK_FALSE(file.devices[0].may_have_name("a[*]"));
}

TEST_CASE("a description of a host that is written parses to the same") {
  Definition definition{*Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001"), *ParentName::parse("p \"1\""),
                        *TypeName::parse("t")};
  definition.name = Label::parse("name {} \\");
  definition.attributes = {{*AttributeName::parse("a"), "1"}, {*AttributeName::parse("a"), "2\n"}};
  definition.node = NodePolicy{"kvm", std::nullopt, 0600};
  definition.aggregate = 2;
  definition.create_args = "x=\"1\"";
  Group group{*GroupName::parse("g"), {{definition.uuid, definition.parent}}, Sharing::required};
  group.node = NodePolicy{std::nullopt, "kvm", std::nullopt};
  ParentSettings parent{definition.parent};
  parent.functions = FunctionGoal{4};
  parent.commands = {{{"true", "a b"}, {"false"}, 3}};
  const HostFile content = parsed(format_host({{parent}, {{definition, false}}, {group}}));
  REQUIRE(content.problems.empty());
  CHECK(content.parents.at(0).settings == parent);
  const DeviceEntry& entry = content.devices.at(0);
  CHECK(entry.uuid == definition.uuid);
  CHECK(entry.name_of(1) == "name {} \\");
  CHECK(entry.settings.attributes == definition.attributes);
  CHECK(entry.settings.node == definition.node);
  CHECK(entry.settings.create_args == definition.create_args);
  CHECK_FALSE(entry.active);
  Group without = group;
  without.members.clear();
  CHECK(content.groups.at(0).group == without);
  CHECK(content.groups.at(0).members.at(0).text == group.members[0].str());
}

TEST_CASE("a table may mean parents by PCI IDs, with exceptions and a count for each") {
  const std::string text = R"(version = 1
namespace = "5f0c6f0e-2f0b-4c62-9d0f-6a3ad7a3f6c1"

[[device]]
name = "t4-1q-{parent}-{}"
count_per_parent = 16
type = "T4-1Q"
parents = ["10de:1eb8", "0000:41:00.0"]
except = ["0000:d8:00.0", "10de:1eb8:10de:12a3"]
start = "auto"

[[device]]
name = "one-{parent}"
count_per_parent = 1
need = ["framebuffer>=2G"]
placement = "pack"
state = "defined"

[device.node]
mode = "0660"

[[device]]
name = "rest-{}"
count = "all"
type = "nvidia-17"
)";
  const HostFile content = parsed(text);
  REQUIRE(content.problems.empty());
  REQUIRE(content.devices.size() == 3);
  const DeviceEntry& first = content.devices[0];
  CHECK(first.per_parent);
  CHECK(first.count == 16);
  CHECK(first.parents == std::vector<std::string>{"10de:1eb8", "0000:41:00.0"});
  CHECK(first.except == std::vector<std::string>{"0000:d8:00.0", "10de:1eb8:10de:12a3"});
  CHECK(first.depends_on_parents());
  CHECK(content.devices[1].depends_on_parents());
  CHECK_FALSE(content.devices[2].depends_on_parents());
  CHECK(format_host(content) == text);
}

TEST_CASE("a count for each parent requires the parent in the name") {
  const auto problem = [](const std::string& device) {
    const std::vector<std::string> problems = problems_of("version = 1\n[[device]]\ntype = \"a\"\n" + device);
    REQUIRE(problems.size() == 1);
    return problems.front();
  };
  CHECK(problem("name = \"a-{}\"\ncount_per_parent = 2").find("must contain {parent}") != std::string::npos);
  CHECK(problem("name = \"a-{parent}\"\ncount_per_parent = 2").find("must contain {},") != std::string::npos);
  CHECK(problem("name = \"a-{parent}\"").find("'{parent}' in a name requires 'count_per_parent'") !=
        std::string::npos);
  CHECK(problem("name = \"a-{parent}-{}\"\ncount = 1\ncount_per_parent = 2").find("cannot combine") !=
        std::string::npos);
  CHECK(problem("name = \"a-{parent}-{}\"\ncount_per_parent = \"all\"")
            .find("host.toml:5:20: 'count_per_parent' must be a whole") == 0);
  CHECK(
      problem("name = \"a-{parent}\"\ncount_per_parent = 1\nuuid = \"5f0c6f0e-2f0b-4c62-9d0f-6a3ad7a3f6c1\"")
          .find("several devices cannot have the same UUID") != std::string::npos);
  CHECK(problem("name = \"a-{}\"\nexcept = [\"a\", \"a\"]").find("parent 'a' is listed twice") !=
        std::string::npos);
  CHECK(problems_of("version = 1\n[[device]]\ntype = \"a\"\nname = \"a-{parent}\"\ncount_per_parent = 1\n")
            .empty());
}
