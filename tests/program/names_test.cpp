// Names of parents, types and virtual functions in the notations that users enter.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "program.hpp"
#include "tree.hpp"

using namespace mdevadm;

namespace {

constexpr const char* uuid = "00000000-0000-0000-0000-0000000000bb";

struct World : test::Host {
  explicit World(const std::string& tree) : Host(tree) {}
  test::Ran run(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--root", str()});
    return test::mdevadm(words);
  }
};

std::string first_parent(const World& world) {
  return nlohmann::json::parse(world.run({"types", "--json"}).out)["types"][0]["parent"];
}

}  // namespace

TEST_CASE("a PCI parent is accepted in the forms that other tools print") {
  const World world("nvidia");
  const std::string name = first_parent(world);
  REQUIRE(name.starts_with("0000:"));
  std::string of_libvirt = "pci_" + name;
  std::replace(of_libvirt.begin(), of_libvirt.end(), ':', '_');
  std::replace(of_libvirt.begin(), of_libvirt.end(), '.', '_');
  const test::Ran usual = world.run({"types", name});
  REQUIRE(usual.code == 0);
  for (const std::string& word :
       {name.substr(5), "0000" + name, of_libvirt, "/sys/bus/pci/devices/" + name}) {
    CAPTURE(word);
    CHECK(world.run({"types", word}).out == usual.out);
    CHECK(world.run({"types", "--parent", word}).out == usual.out);
    CHECK(world.run({"list", "-p", word}).code == 0);
    CHECK(world.run({"show", word}).out == world.run({"show", name}).out);
    CHECK(world.run({"show", word}).code == 0);
  }
}

TEST_CASE("the letter case of a parent does not matter if one parent matches") {
  const World world("samples");
  CHECK(world.run({"types", "MTTY"}).out == world.run({"types", "mtty"}).out);
  CHECK(world.run({"define", uuid, "-p", "Mtty", "-t", "mtty-1"}).code == 0);
  CHECK(world.run({"list", "--defined", "-o", "parent"}).out == "PARENT\nmtty\n");
  CHECK(world.run({"show", uuid, "-p", "MTTY"}).code == 0);
  CHECK(world.run({"list", "--defined", "-p", "MTTY", "-o", "uuid"}).out.find(uuid) != std::string::npos);
}

TEST_CASE("define --force stores the kernel's name of an absent parent") {
  const World world("samples");
  CHECK(world.run({"define", uuid, "-p", "86:00.0", "-t", "nvidia-17", "--force"}).code == 0);
  CHECK(world.run({"list", "--defined", "-o", "parent"}).out == "PARENT\n0000:86:00.0\n");
}

TEST_CASE("an unknown parent or type or group in a filter is an error") {
  const World world("samples");
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"list", "-p", "nosuch"},
           {"list", "--all", "-p", "86:00.0"},
           {"list", "-t", "nosuch"},
           {"list", "--all", "-t", "nvidia-17"},
           {"list", "-g", "nosuch"},
           {"types", "nosuch"},
           {"stop", "--all", "-p", "nosuch"},
           {"start", "--auto", "-p", "nosuch"},
           {"import", "mdevctl", "-p", "nosuch"},
           {"export", "mdevctl", "-p", "nosuch"},
       }) {
    CAPTURE(words);
    const test::Ran ran = world.run(words);
    CHECK(ran.code == 3);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("hint: ") != std::string::npos);
  }
  CHECK(world.run({"list", "-p", "mtty"}).code == 0);
  CHECK(world.run({"list", "-t", "mtty-2"}).code == 0);
  CHECK(world.run({"stop", "--all", "-p", "mtty"}).code == 0);
}

TEST_CASE("an unknown property and a value of the wrong kind in --need are usage errors") {
  const World world("nvidia");
  for (const char* need : {"foo=1", "framebuffer>=2X", "max_resolution>=2G"}) {
    CAPTURE(need);
    CHECK(world.run({"types", "--need", need}).code == 2);
    CHECK(world.run({"define", "--need", need}).code == 2);
  }
  CHECK(world.run({"types", "--need", "framebuffer>=512G"}).code == 0);
}

TEST_CASE("define checks the PCI address of a virtual function") {
  const World world("samples");
  for (const char* bad : {"a b", "41:00", "mtty", "0000:41:00.9"}) {
    CAPTURE(bad);
    const test::Ran ran = world.run({"define", uuid, "-p", "mtty", "-t", "mtty-1", "--vf", bad});
    CHECK(ran.code == 2);
    CHECK(ran.err.find("invalid PCI address") != std::string::npos);
  }
  CHECK_FALSE(std::filesystem::exists(world.path() / "etc"));
}

TEST_CASE("the name in an invalid definition file leads to an error with the file and line") {
  const World world("samples");
  test::write_text(world.path() / "etc/mdevadm/devices/mtty/00000000-0000-0000-0000-0000000000bb.toml",
                   "type = \"mtty-1\"\nname = \"pay2\"\nstart == 1\n");
  const test::Ran ran = world.run({"start", "pay2"});
  CHECK(ran.code == 1);
  CHECK(ran.err.find("0000000000bb.toml:3:8: ") != std::string::npos);
}

TEST_CASE("status prints parents and devices and groups and problems as text and as JSON") {
  const World world("samples");
  REQUIRE(world.run({"define", uuid, "-p", "mtty", "-t", "mtty-1", "--name", "modem", "--auto"}).code == 0);
  REQUIRE(world.run({"group", "create", "vm1", "modem"}).code == 0);
  test::write_text(world.path() / "etc/mdevadm/groups/bad.toml", "members = 1\n");
  const test::Ran text = world.run({"status"});
  CHECK(text.code == 0);
  std::string shown = text.out;
  shown.replace(shown.find(world.str()), world.str().size(), "ROOT");
  CHECK(test::is_golden(shown, "status/samples.txt"));
  const auto json = nlohmann::json::parse(world.run({"status", "--json"}).out);
  CHECK(json["version"] == 1);
  CHECK(json["mdev_support"] == true);
  CHECK(json["devices"]["inactive"] == 1);
  CHECK(json["groups"][0]["name"] == "vm1");
  CHECK(json["groups"][0]["state"] == "inactive");
  CHECK(json["autostart"]["devices"] == 1);
  CHECK(json["problems"].size() == 1);
  CHECK(json["parents"].size() == 3);
}
