// start and stop on captured hosts: checks before the first write. tests/vm covers the kernel's answers.
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "program.hpp"
#include "tree.hpp"

using namespace mdevadm;
using test::is_golden;

namespace {

struct World : test::Host {
  World() : Host("nvidia") {}
  test::Ran run(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--root", str()});
    return test::mdevadm(words);
  }
};

const std::string live = "c0ffee00-1111-4222-8333-444444444444";

// Removes the directory of the test from the paths in a text.
std::string without_root(std::string text, const World& world) {
  const std::string root = world.path().string();
  for (std::size_t at = 0; (at = text.find(root, at)) != std::string::npos;) {
    text.erase(at, root.size());
  }
  return text;
}

}  // namespace

TEST_CASE("start --dry-run prints every step and writes nothing") {
  const World world;
  const test::Ran ran = world.run({"start", "-p", "0000:86:00.0", "-t", "nvidia-17", "-u",
                                   "00000000-0000-0000-0000-000000000001", "--attr",
                                   "nvidia/vgpu_params=frame_rate_limiter=0", "--dry-run"});
  CHECK(ran.code == 0);
  CHECK(is_golden(without_root(ran.out, world), "start/dry-run.txt"));
  CHECK(
      test::read_text(world.path() / "sys/class/mdev_bus/0000:86:00.0/mdev_supported_types/nvidia-17/create")
          .empty());
}

TEST_CASE("start refuses a full or unknown or conflicting type before it writes") {
  const World world;
  const test::Ran full = world.run({"start", "-p", "0000:86:00.0", "-t", "nvidia-18"});
  CHECK(full.code == 6);
  CHECK(full.err.find("no available instances of nvidia-18 on 0000:86:00.0") != std::string::npos);
  CHECK(world.run({"start", "-p", "0000:86:00.0", "-t", "nvidia-99"}).code == 3);
  CHECK(world.run({"start", "-p", "0000:86:00.0", "-t", "nvidia-18", "-u", live}).code == 4);
  CHECK(world.run({"start", "nosuch"}).code == 3);
}

TEST_CASE("start of an active device without a definition succeeds and reports it as already active") {
  const World world;
  const test::Ran ran = world.run({"start", live});
  CHECK(ran.code == 0);
  CHECK(ran.err == "mdevadm: '" + live + "' is already active\n");
  CHECK(world.run({"start", live, "-q"}).err.empty());
  const auto json = nlohmann::json::parse(world.run({"start", live, "--json"}).out);
  CHECK(json["results"][0]["outcome"] == "unchanged");
}

TEST_CASE("start --auto without autostart devices succeeds without output") {
  const World world;
  const test::Ran ran = world.run({"start", "--auto"});
  CHECK(ran.code == 0);
  CHECK(ran.out.empty());
  CHECK(ran.err.empty());
}

TEST_CASE("a start whose device does not appear fails and is rolled back") {
  const World world;  // a captured host does not react to writes
  const test::Ran ran = world.run(
      {"start", "-p", "0000:86:00.0", "-t", "nvidia-17", "-u", "00000000-0000-0000-0000-000000000001"});
  CHECK(ran.code == 1);
  CHECK(
      ran.err.find(
          "cannot start '00000000-0000-0000-0000-000000000001': the driver has accepted the creation, but no "
          "device has appeared within 5 s; all changes were rolled back") != std::string::npos);
  CHECK(test::read_text(world.path() /
                        "sys/class/mdev_bus/0000:86:00.0/mdev_supported_types/nvidia-17/create") ==
        "00000000-0000-0000-0000-000000000001\n");
}

TEST_CASE("stop --dry-run prints its steps and conflicting options are refused") {
  const World world;
  const std::string removal =
      (world.path() / "sys/devices/pci0000:80/0000:80:02.0/0000:86:00.0" / live / "remove").string();
  CHECK(world.run({"stop", live, "--dry-run"}).out ==
        "stop '" + live + "' on 0000:86:00.0:\n  remove " + live + "\n    echo 1 > " + removal + "\n");
  const auto step =
      nlohmann::json::parse(world.run({"stop", live, "--dry-run", "--json"}).out)["jobs"][0]["steps"][0];
  CHECK(step["kind"] == "remove");
  CHECK(step["writes"] == nlohmann::json::array({{{"path", removal}, {"value", "1"}}}));
  CHECK(world.run({"stop", live, "--all"}).code == 2);
  CHECK(world.run({"start", live, "--auto"}).code == 2);
  CHECK(world.run({"start", live, "-t", "x", "-p", "y"}).code == 2);
}

TEST_CASE("stop of a device under another parent than --parent is not found") {
  const World world;
  CHECK(world.run({"stop", live, "-p", "mtty"}).code == 3);
}
