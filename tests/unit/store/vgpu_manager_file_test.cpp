#include <mdevadm/store/vgpu_manager_file.hpp>

#include <fmt/format.h>

#include <string>
#include <vector>

#include "catch.hpp"

using namespace mdevadm;
using namespace mdevadm::store;

namespace {

const std::string head = "version: v1\nvgpu-configs:\n";

std::vector<std::string> problems_of(const std::string& text) {
  std::vector<std::string> result;
  for (const FileProblem& problem : parse_vgpu_manager("c.yaml", text).problems) {
    result.push_back(problem.str());
  }
  return result;
}

// Returns the only problem of a file whose only rule has these keys, without the position.
std::string problem_with(const std::string& rule) {
  const VgpuManagerContent content = parse_vgpu_manager("c.yaml", head + "  one:\n  - " + rule + "\n");
  REQUIRE(content.problems.size() <= 1);
  return content.problems.empty() ? "" : content.problems.front().message;
}

std::string problem_of_count(const std::string& counts) {
  return problem_with("{devices: all, vgpu-devices: {" + counts + "}}");
}

}  // namespace

TEST_CASE("a configuration of vgpu-device-manager has rules for GPUs") {
  const VgpuManagerContent content = parse_vgpu_manager("c.yaml", head + R"(  all:
    - devices: all
      vgpu-devices:
        "T4-1Q": 16
  default:
    - device-filter: "0x1EB810DE"
      devices: [1, 0, 1]
      vgpu-devices: {T4-8Q: 1, T4-8C: 1}
    - device-filter: ["0x25b610de:0x14A910DE", '0x25B610DE:0x157E10DE']
      devices: all
      vgpu-devices:
)");
  REQUIRE(content.problems.empty());
  REQUIRE(content.configs.size() == 2);
  const VgpuConfig& all = content.configs[0];
  CHECK(all.name == "all");
  CHECK(all.where.line == 3);
  REQUIRE(all.rules.size() == 1);
  CHECK_FALSE(all.rules[0].indices);
  CHECK(all.rules[0].filter.empty());
  REQUIRE(all.rules[0].counts.size() == 1);
  CHECK(all.rules[0].counts[0].type == "T4-1Q");
  CHECK(all.rules[0].counts[0].count == 16);
  CHECK(all.rules[0].counts[0].where.line == 6);
  const std::vector<VgpuRule>& rules = content.configs[1].rules;
  REQUIRE(rules.size() == 2);
  CHECK(rules[0].filter.at(0).str() == "10de:1eb8");
  CHECK(*rules[0].indices == std::vector<std::uint64_t>{1, 0});
  CHECK(rules[0].counts.size() == 2);
  REQUIRE(rules[1].filter.size() == 2);
  CHECK(rules[1].filter[0].str() == "10de:25b6:10de:14a9");
  CHECK(rules[1].counts.empty());
}

TEST_CASE("a configuration may use anchors, aliases, merged mappings and tags") {
  const VgpuManagerContent content = parse_vgpu_manager("c.yaml", R"(version: v1
vgpu-configs:
  yes: &all
  - &rule {devices: all, vgpu-devices: {T4-1Q: !!int "16"}}
  on: *all
  2: [{<<: *rule, devices: [0]}]
  3: [{<<: [{devices: [1]}, *rule], device-filter: ""}]
)");
  REQUIRE(content.problems.empty());
  REQUIRE(content.configs.size() == 4);
  CHECK(content.configs[0].name == "yes");
  CHECK(content.configs[1].name == "on");
  CHECK(content.configs[1].rules[0].counts[0].count == 16);
  CHECK(content.configs[2].rules[0].indices->at(0) == 0);
  CHECK(content.configs[2].rules[0].counts.size() == 1);
  CHECK(content.configs[3].rules[0].indices->at(0) == 1);
}

TEST_CASE("a tag of another type is refused wherever a value stands") {
  const auto problem = [](const std::string& devices) {
    return problems_of("version: v1\nvgpu-configs:\n  a:\n  - {devices: " + devices +
                       ", vgpu-devices: {T4-1Q: 1}}\n");
  };
  CHECK(problem("!!seq [0]").empty());
  CHECK(problem("! [0]").empty());
  CHECK(problem("!!str all").empty());
  CHECK(problem("!!set [0]") ==
        std::vector<std::string>{"c.yaml:4:15: unsupported tag 'tag:yaml.org,2002:set'"});
  CHECK(problem("!all all").size() == 1);
}

TEST_CASE("all problems of a configuration file are found, with their places") {
  CHECK(problems_of(R"(version: v2
vgpu-config:
  a:
  - devices: all
vgpu-configs:
  b:
  - device: all
    vgpu-devices: {T4-1Q: 0, T4-2Q: -1, t4-4q: 1}
    vgpu-devices: {}
  b: []
  c:
)") == std::vector<std::string>{
           "c.yaml:1:10: unsupported version 'v2' (expected v1)",
           "c.yaml:2:1: unknown key 'vgpu-config' (did you mean 'vgpu-configs'?)",
           "c.yaml:7:5: unknown key 'device' (did you mean 'devices'?)",
           "c.yaml:7:5: missing required key 'devices'",
           "c.yaml:8:27: the number of vGPUs of type T4-1Q must be a whole number from 1 to 65536, in "
           "decimal and without "
           "quotes, not '0'",
           "c.yaml:8:37: the number of vGPUs of type T4-2Q must be a whole number from 1 to 65536, in "
           "decimal and without "
           "quotes, not '-1'",
           "c.yaml:8:41: invalid vGPU type 't4-4q' (expected a name such as A100-4C or A100-1-5CME, without "
           "GRID or NVIDIA "
           "before it)",
           "c.yaml:9:5: key 'vgpu-devices' is repeated, first at 8:5",
           "c.yaml:10:3: key 'b' is repeated, first at 6:3",
           "c.yaml:11:3: the configuration 'c' must be a list of mappings, not an empty value"});
  CHECK(problems_of("") == std::vector<std::string>{"c.yaml:1:1: the file is empty"});
  CHECK(problems_of("~") == std::vector<std::string>{"c.yaml:1:1: the file is empty"});
  CHECK(problems_of("[1]") == std::vector<std::string>{"c.yaml:1:1: the file must be a mapping, not a list"});
  CHECK(problems_of("{}").size() == 2);
  CHECK(problems_of("version: v1\n") ==
        std::vector<std::string>{"c.yaml:1:1: missing required key 'vgpu-configs'"});
  CHECK(problems_of("version: v1\nvgpu-configs: {}\n") ==
        std::vector<std::string>{"c.yaml:2:15: 'vgpu-configs' has no configuration"});
  CHECK(problems_of("? [a]\n: 1\n").front() == "c.yaml:1:1: missing required key 'version'");
}

TEST_CASE("counts are whole decimal numbers") {
  CHECK(problem_of_count("T4-1Q: 16").empty());
  for (const char* count : {"0",
                            "-1",
                            "1.0",
                            "1e1",
                            "\"16\"",
                            "'16'",
                            "016",
                            "0x10",
                            "+1",
                            "1_000",
                            "~",
                            "",
                            "yes",
                            "[1]",
                            "{}",
                            "65537",
                            "99999999999999999999999",
                            ".inf",
                            "all",
                            "!!str 16",
                            "!!float 1"}) {
    INFO(count);
    CHECK(problem_of_count(std::string("T4-1Q: ") + count)
              .starts_with("the number of vGPUs of type T4-1Q must be a whole"));
  }
}

TEST_CASE("types are named as vgpu-device-manager names them") {
  for (const char* type : {"T4-1Q", "M60-0Q", "A100-4C", "A100-1-5C", "A100-1-10CME", "RTX6000-Ada-24Q",
                           "A100DX-7-80C", "RTX8000P-24Q", "L40S-48Q", "A16-8A", "DC-1-24QGFX"}) {
    INFO(type);
    CHECK(problem_of_count(std::string(type) + ": 1").empty());
  }
  for (const char* type :
       {"t4-1q",       "GRID T4-1Q",  "NVIDIA L40S-4Q",    "T4-2B4",     "nvidia-230", "A16-8E", "A100-5c",
        "A100-1-5Cme", "A100-1-5CXX", "A100 -5C",          "' A100-5C'", "A100-4CME",  "T4-01Q", "-1Q",
        "A100-0-5C",   "A100-1-5C-",  "RTX6000-Ada-1-24Q", "Q",          "\"\"",       "230"}) {
    INFO(type);
    CHECK(problem_of_count(std::string(type) + ": 1").starts_with("invalid vGPU type"));
  }
  const auto types = [](const std::string& type) {
    return parse_vgpu_manager("c.yaml", head + "  a: [{devices: all, vgpu-devices: {" + type + ": 1}}]")
        .configs.at(0)
        .rules.at(0)
        .counts.at(0)
        .type;
  };
  CHECK(types("DC-1-24QGFX") == "DC-1-24Q");
  CHECK(types("A100-1-5CNOME") == "A100-1-5C");
  CHECK(types("A100-1-5CMEALL") == "A100-1-5C");
  CHECK(types("A100-1-5CME") == "A100-1-5CME");
  CHECK(problem_of_count("DC-1-24Q: 1, DC-1-24QGFX: 1")
            .starts_with("'DC-1-24QGFX' is the same type as the one at 4:"));
  CHECK(problem_of_count("A100-4C: 1, A100-1-5C: 1") ==
        "A100-4C and A100-1-5C cannot be on one GPU: only one of them is a type of GPU instances (MIG)");
  CHECK(problem_of_count("A100-4C: 5, A100-5C: 4").empty());
}

TEST_CASE("GPUs are given by indices and PCI IDs") {
  const auto devices = [](const std::string& text) {
    return problem_with("{devices: " + text + ", vgpu-devices: {}}");
  };
  CHECK(devices("[]").empty());
  CHECK(devices("'all'").empty());
  for (const char* text : {"0", "ALL", "none", "~", "{0: 1}", "\"0\""}) {
    INFO(text);
    CHECK(devices(text).starts_with("'devices' must be all or a list of indices of GPUs, not "));
  }
  for (const char* text : {"[-1]", "[0.0]", "['0']", "[all]", "[99999999]", "[[0]]"}) {
    INFO(text);
    CHECK(devices(text).starts_with("an element of 'devices' must be an index of a GPU, from 0, not "));
  }
  const auto filter = [](const std::string& text) {
    return problem_with("{device-filter: " + text + ", devices: all, vgpu-devices: {}}");
  };
  for (const char* text :
       {"\"0x1EB810DE\"", "'0x1eb810de'", "[]", "~", "''", "!!str 0x1EB810DE", "0x25B610DE:0x14A910DE"}) {
    INFO(text);
    CHECK(filter(text).empty());
  }
  CHECK(filter("0x1EB810DE").starts_with("PCI ID 0x1EB810DE without quotes"));
  CHECK(filter("\"0x10DE1EB8\"").starts_with("PCI ID '0x10DE1EB8' of another vendor than NVIDIA"));
  for (const char* text : {"MODEL", "\"1EB810DE\"", "\"0x\"", "\"0x1EB810DE1\"", "\"0x1EB810DE:\"",
                           "\"0x1:0x2:0x3\"", "\"10de:1eb8\""}) {
    INFO(text);
    CHECK(filter(text).starts_with("invalid PCI ID"));
  }
  CHECK(filter("{a: b}").starts_with("'device-filter' must be a PCI ID or a list of PCI IDs, not a mapping"));
  CHECK(problem_with("!x {devices: all, vgpu-devices: {}}") == "unsupported tag '!x'");
  CHECK(problem_with("text").starts_with(
      "an element of the configuration 'one' must be a mapping, not 'text'"));
}

TEST_CASE("aliases of aliases do not take memory or time") {
  std::string text = "version: v1\nvgpu-configs:\n";
  std::string rules = "[";
  for (int i = 0; i < 2000; ++i) {
    rules += i == 0 ? "&r {devices: all, vgpu-devices: {T4-1Q: 1}}" : ", *r";
  }
  for (int i = 0; i < 2000; ++i) {
    text += fmt::format("  c{}: {}\n", i, i == 0 ? "&c " + rules + "]" : "*c");
  }
  const std::vector<std::string> problems = problems_of(text);
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().find("the aliases expand to more than 500000 elements") != std::string::npos);
  CHECK(problems_of("version: v1\nvgpu-configs: &a\n  <<: *a\n")
            .front()
            .find("more than 32 levels of merged") != std::string::npos);
  CHECK_FALSE(problems_of("&a [*a]").empty());
  CHECK_FALSE(problems_of("version: v1\nvgpu-configs: &a\n  x: *a\n").empty());
}
