#include <mdevadm/store/host_file.hpp>

#include <algorithm>

#include "catch.hpp"

using namespace mdevadm;
using namespace mdevadm::store;

namespace {

HostContent parsed(const std::string& text) {
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
  const HostContent content = parsed(R"(version = 1
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
  REQUIRE(content.file.parents.size() == 1);
  CHECK(content.file.parents[0].settings.commands.size() == 1);
  REQUIRE(content.file.devices.size() == 2);
  const DeviceEntry& seats = content.file.devices[0];
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
  CHECK(content.file.devices[1].count == std::nullopt);
  CHECK(content.file.devices[1].parents.empty());
  CHECK(content.file.devices[1].active);
  REQUIRE(content.file.groups.size() == 1);
  CHECK(content.file.groups[0].group.sharing == Sharing::off);
  CHECK(derived_uuid(content.file, "seat-1").str()[14] == '5');
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

TEST_CASE("names are unique over the files of a description") {
  const std::string device = "version = 1\n[[device]]\nname = \"a-1\"\ntype = \"t\"\n";
  const HostContent content =
      parse_host({{"1.toml", device},
                  {"2.toml", "version = 1\n[[device]]\nname = \"a-{}\"\ncount = 2\ntype = \"t\"\n"}});
  REQUIRE(content.problems.size() == 1);
  CHECK(content.problems[0].str() == "2.toml:3:8: device 'a-1' is described twice, first at 1.toml:3:8");
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
  const HostContent content = parsed(format_host({{parent}, {{definition, false}}, {group}}));
  REQUIRE(content.problems.empty());
  CHECK(content.file.parents.at(0).settings == parent);
  const DeviceEntry& entry = content.file.devices.at(0);
  CHECK(entry.uuid == definition.uuid);
  CHECK(entry.name_of(1) == "name {} \\");
  CHECK(entry.settings.attributes == definition.attributes);
  CHECK(entry.settings.node == definition.node);
  CHECK(entry.settings.create_args == definition.create_args);
  CHECK_FALSE(entry.active);
  Group without = group;
  without.members.clear();
  CHECK(content.file.groups.at(0).group == without);
  CHECK(content.file.groups.at(0).members.at(0).text == group.members[0].str());
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
  const HostContent content = parsed(text);
  REQUIRE(content.problems.empty());
  REQUIRE(content.file.devices.size() == 3);
  const DeviceEntry& first = content.file.devices[0];
  CHECK(first.per_parent);
  CHECK(first.count == 16);
  CHECK(first.parents == std::vector<std::string>{"10de:1eb8", "0000:41:00.0"});
  CHECK(first.except == std::vector<std::string>{"0000:d8:00.0", "10de:1eb8:10de:12a3"});
  CHECK(first.depends_on_parents());
  CHECK(content.file.devices[1].depends_on_parents());
  CHECK_FALSE(content.file.devices[2].depends_on_parents());
  CHECK(format_host(content.file) == text);
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
