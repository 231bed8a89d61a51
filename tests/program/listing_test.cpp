// types, list and show on captured hosts.
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "program.hpp"
#include "tree.hpp"

using namespace mdevadm;
using test::is_golden;

namespace {

test::Ran run(const test::Host& host, std::vector<std::string> words) {
  words.insert(words.end(), {"--root", host.str()});
  return test::mdevadm(words);
}

void define_some(const test::Host& host) {
  const std::string directory = "etc/mdevadm/devices/";
  test::write_text(host.path() / "sys/devices/virtual/mtty/mtty/00000000-0000-4000-8000-000000000001/a/b",
                   "1\n");
  test::write_text(host.path() / (directory + "mtty/00000000-0000-4000-8000-000000000001.toml"),
                   "type = \"mtty-1\"\nstart = \"auto\"\nname = \"console\"\n[[attribute]]\nname = "
                   "\"a/b\"\nvalue = \"1\"\n");
  test::write_text(host.path() / (directory + "mtty/00000000-0000-4000-8000-000000000002.toml"),
                   "type = \"mtty-1\"\n");
  test::write_text(host.path() / (directory + "absent/00000000-0000-4000-8000-0000000000aa.toml"),
                   "type = \"x\"\nname = \"later\"\n");
}

}  // namespace

TEST_CASE("requirements name properties whose keys have blanks as the driver or with underscores") {
  const test::Host host("accelerators");
  const std::string two_and_four = "vascend-vir02\nvascend-vir04\n";
  CHECK(run(host, {"types", "-n", "-o", "type", "--need", "aicore num>=2"}).out == two_and_four);
  CHECK(run(host, {"types", "-n", "-o", "type", "--need", "aicore_num>=2"}).out == two_and_four);
  CHECK(run(host, {"types", "-n", "-o", "type", "--need", "memory size>=6G"}).out == two_and_four);
  CHECK(run(host, {"types", "-n", "-o", "type", "--need", "memory>6G"}).out == "vascend-vir04\n");
  CHECK(run(host, {"types", "-n", "-o", "type", "--need", "type name=vir0[14]"}).out ==
        "vascend-vir01\nvascend-vir04\n");
  const test::Ran unknown = run(host, {"types", "--need", "aicore number>=2"});
  CHECK(unknown.code == 2);
  CHECK(unknown.err.find("did you mean 'aicore_num'?") != std::string::npos);
}

TEST_CASE("a type without a usable number of available instances does not keep the others from being used") {
  const test::Host host("accelerators");
  CHECK(run(host, {"types", "0000:6b:00.0", "-n", "-o", "type,available"}).out ==
        "4xxx-vqat-adi-asym -\n4xxx-vqat-adi-dc   -\n4xxx-vqat-adi-sym  4\n");
  CHECK(run(host, {"start", "--dry-run", "-p", "0000:6b:00.0", "-t", "4xxx-vqat-adi-dc"}).code == 0);
  CHECK(run(host, {"start", "--dry-run", "-p", "0000:6b:00.0", "-t", "4xxx-vqat-adi-sym"}).code == 0);
}

TEST_CASE("types of every captured host are printed as a table and as JSON") {
  for (const std::string name : {"samples", "nvidia", "i915", "s390", "accelerators"}) {
    CAPTURE(name);
    const test::Host host(name);
    const test::Ran table = run(host, {"types"});
    CHECK(table.code == 0);
    CHECK(table.err.empty());
    CHECK(is_golden(table.out, "types/" + name + ".txt"));
    const test::Ran json = run(host, {"types", "--json"});
    CHECK(json.code == 0);
    CHECK(is_golden(json.out, "types/" + name + ".json"));
  }
}

TEST_CASE("list prints active and defined and all devices as a table and as JSON") {
  const test::Host host("samples");
  define_some(host);
  for (const std::string way : {"active", "defined", "all"}) {
    CAPTURE(way);
    const test::Ran table = run(host, {"list", "--" + way});
    CHECK(table.code == 0);
    CHECK(table.err.empty());
    CHECK(is_golden(table.out, "list/" + way + ".txt"));
  }
  const test::Ran json = run(host, {"list", "--all", "--json", "-o",
                                    "uuid,name,parent,type,state,start,defined_type,attributes,node,driver"});
  CHECK(is_golden(json.out, "list/all.json"));
}

TEST_CASE("list --json without -o has all columns and the same keys for every device") {
  const test::Host host("samples");
  define_some(host);
  const auto json = nlohmann::json::parse(run(host, {"list", "--all", "--json"}).out);
  REQUIRE(json["devices"].size() == 4);
  for (const auto& device : json["devices"]) {
    CHECK(device.size() == 54);
  }
  CHECK(json["devices"][0]["state"] == "inactive");
  CHECK(json["devices"][0]["iommu_group"].is_null());
  CHECK(nlohmann::json::parse(run(host, {"list", "-p", "mdpy", "--json"}).out)["devices"].empty());
}

TEST_CASE("list is filtered by parent and type") {
  const test::Host host("samples");
  CHECK(run(host, {"list", "-p", "mbochs", "-o", "type"}).out == "TYPE\nmbochs-medium\n");
  CHECK(run(host, {"list", "-t", "mtty-2", "-o", "parent"}).out == "PARENT\nmtty\n");
  CHECK(run(host, {"list", "-p", "MBOCHS", "-o", "type"}).out == "TYPE\nmbochs-medium\n");
  const test::Ran unknown = run(host, {"list", "-p", "mttyy"});
  CHECK(unknown.code == 3);
  CHECK(unknown.err ==
        "mdevadm: error: cannot list devices: parent 'mttyy' not found or not mdev-capable\nhint: did you "
        "mean 'mtty'?\n");
  CHECK(run(host, {"list", "-t", "mtty-9"}).code == 3);
}

// On this host, "console" is active as defined, the other definition of mtty is active with another type,
// "later" (absent) is inactive, and a device of mbochs is active without a definition.
TEST_CASE("list is filtered by activity and autostart and state") {
  const test::Host host("samples");
  define_some(host);
  const auto uuids = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"list", "-n", "-o", "uuid"});
    const test::Ran ran = run(host, words);
    CHECK(ran.code == 0);
    return ran.out;
  };
  const std::string console = "00000000-0000-4000-8000-000000000001\n";
  const std::string other = "00000000-0000-4000-8000-000000000002\n";
  const std::string later = "00000000-0000-4000-8000-0000000000aa\n";
  CHECK(uuids({"--inactive"}) == later);
  CHECK(uuids({"--autostart"}) == console);
  CHECK(uuids({"--state", "drifted"}) == other);
  CHECK(uuids({"--state", "drifted,inactive"}) == later + other);
  CHECK(uuids({"--state", "drifted,active", "--parent", "mtty"}) == console + other);
  CHECK(uuids({"--state", "drifted,active", "--parent", "mtty", "--type", "mtty-2"}) == other);
  CHECK(uuids({"--inactive", "--parent", "absent"}) == later);
  CHECK(uuids({"--active", "--autostart", "--type", "Single port serial"}) == console);
  CHECK(uuids({"--inactive", "--autostart"}).empty());
  CHECK(uuids({"--defined", "--parent", "mtty"}) == console + other);
  CHECK(uuids({"console", "0000*2"}) == console + other);
}

TEST_CASE("an unknown value of a filter of list is an error") {
  const test::Host host("samples");
  define_some(host);
  CHECK(run(host, {"list", "--state", "up"}).code == 2);
  CHECK(run(host, {"list", "--parent", "nosuch"}).code == 3);
  CHECK(run(host, {"list", "--type", "nosuch"}).code == 3);
  CHECK(run(host, {"list", "--group", "nosuch"}).code == 3);
  CHECK(run(host, {"list", "nosuch"}).code == 3);
  CHECK(run(host, {"list", "x*"}).code == 3);
  CHECK(run(host, {"list", "--inactive", "--active"}).code == 2);
}

TEST_CASE("a note says what an empty list was filtered by and JSON contains it") {
  const test::Host host("samples");
  define_some(host);
  const auto note = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "list");
    const test::Ran ran = run(host, words);
    CHECK(ran.code == 0);
    CHECK(ran.out.empty());
    words.emplace_back("--json");
    const test::Ran json = run(host, words);
    CHECK(json.err.empty());
    const auto notes = nlohmann::json::parse(json.out)["notes"];
    REQUIRE(notes.size() == 1);
    CHECK(ran.err == "mdevadm: " + notes[0].get<std::string>() + "\n");
    return notes[0].get<std::string>();
  };
  CHECK(note({"-p", "mdpy"}) == "no active device matches: parent mdpy");
  CHECK(note({"-p", "mdpy", "-t", "mdpy-vga"}) == "no active device matches: parent mdpy, type mdpy-vga");
  CHECK(note({"--state", "removing", "--autostart"}) == "no device matches: state removing, autostart");
  CHECK(note({"--inactive", "-p", "mbochs"}) == "no inactive device matches: parent mbochs");
  CHECK(note({"later", "--active"}) == "no active device matches: device later");
}

TEST_CASE("notes are in the JSON of every listing") {
  const test::Host host("samples");
  define_some(host);
  test::write_text(host.path() / "etc/mdevadm/groups/vm1.toml",
                   "members = [\"00000000-0000-4000-8000-000000000001\"]\n");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"types"},
                                             {"list"},
                                             {"list", "--list-columns"},
                                             {"show", "console"},
                                             {"show", "mtty"},
                                             {"status"},
                                             {"group", "list"},
                                             {"group", "show", "vm1"}}) {
    CAPTURE(words);
    std::vector<std::string> json = words;
    json.emplace_back("--json");
    const auto root = nlohmann::json::parse(run(host, json).out);
    REQUIRE(root.contains("notes"));
    CHECK(root["notes"].empty());
  }
  const test::TempDir empty;
  const auto types = nlohmann::json::parse(test::mdevadm({"types", "--json", "--root", empty.str()}).out);
  REQUIRE(types["notes"].size() == 1);
  CHECK(types["notes"][0].get<std::string>().find("no mediated device support found") == 0);
}

TEST_CASE("list selects and adds columns and reports an unknown column with a suggestion") {
  const test::Host host("samples");
  CHECK(run(host, {"list", "-o", "TYPE,parent", "-t", "mtty-2"}).out == "TYPE   PARENT\nmtty-2 mtty\n");
  CHECK(run(host, {"list", "-o", "+driver", "-t", "mtty-2"}).out.find(" DRIVER\n") != std::string::npos);
  const test::Ran wrong = run(host, {"list", "-o", "uid"});
  CHECK(wrong.code == 2);
  CHECK(wrong.err == "mdevadm: error: unknown column 'uid'\nhint: did you mean 'uuid'?\n");
  CHECK(run(host, {"list", "--list-columns"}).out.find("iommu_group       IOMMU group number\n") !=
        std::string::npos);
  CHECK(run(host, {"types", "--list-columns", "--json"}).out.find("\"column\":\"available\"") !=
        std::string::npos);
}

TEST_CASE("show prints all properties of a device") {
  const test::Host host("samples");
  define_some(host);
  const std::string as_any_user =
      "uuid,name,parent,type,state,start,attributes,iommu_group,node,driver,path,file";
  test::Ran shown = run(host, {"show", "console", "-o", as_any_user});
  CHECK(shown.code == 0);
  const std::size_t at = shown.out.find(host.str());
  REQUIRE(at != std::string::npos);
  shown.out.replace(at, host.str().size(), "");
  CHECK(is_golden(shown.out, "show/console.txt"));
  CHECK(run(host, {"show", "later"}).out.find("state:             inactive\n") != std::string::npos);
  const test::Ran both = run(host, {"show", "console", "nosuch"});
  CHECK(both.code == 8);
  CHECK(both.out.find("name:              console") != std::string::npos);
  CHECK(run(host, {"show", "nosuch"}).code == 3);
  CHECK(run(host, {"show"}).code == 2);
}

TEST_CASE("types and list on a host without mediated device support print a note and succeed") {
  const test::TempDir empty;
  for (const std::string verb : {"types", "list"}) {
    const test::Ran ran = test::mdevadm({verb, "--root", empty.str()});
    CHECK(ran.code == 0);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("no mediated device support found") != std::string::npos);
    const test::Ran json = test::mdevadm({verb, "--root", empty.str(), "--json"});
    CHECK(json.code == 0);
    CHECK(json.err.empty());
    CHECK(nlohmann::json::parse(json.out)[verb == "types" ? "types" : "devices"].empty());
    CHECK(test::mdevadm({verb, "--root", empty.str(), "-q"}).err.empty());
  }
}
