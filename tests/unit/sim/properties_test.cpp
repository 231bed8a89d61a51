// Random creation and removal on a simulated parent: a create succeeds if and only if an instance is
// available, and at the end the parent is in its initial state.
#include <mdevadm/util/text.hpp>
#include <mdevadm/util/uuid.hpp>

#include <filesystem>
#include <random>

#include "catch.hpp"
#include "simulated.hpp"

using namespace mdevadm;

namespace {

// Returns the paths of all type directories of a parent.
std::vector<std::string> type_directories(test::Simulated& host, const std::string& parent) {
  std::vector<std::string> result;
  const std::string types = "class/mdev_bus/" + parent + "/mdev_supported_types";
  for (const auto& [name, node] : host.machine.files().get(*host.machine.files().walk(types))->children) {
    result.push_back(types + "/" + name);
  }
  return result;
}

std::string lefts(test::Simulated& host, const std::vector<std::string>& types) {
  std::string text;
  for (const std::string& type : types) {
    text += host.read(type + "/available_instances");
  }
  return text;
}

void play(const std::string& scenario, const std::string& parent, unsigned seed) {
  CAPTURE(scenario, parent, seed);
  test::Simulated host(scenario);
  const std::vector<std::string> types = type_directories(host, parent);
  const std::string idle = lefts(host, types);
  std::mt19937 random(seed);
  std::vector<std::string> live;
  for (int step = 0; step < 150; ++step) {
    if (random() % 5 < 3) {
      const std::string& type = types[random() % types.size()];
      const std::string uuid = Uuid::random().str();
      const auto left = parse_decimal(trim(host.read(type + "/available_instances")));
      REQUIRE(left.has_value());
      const int result = host.write(type + "/create", uuid);
      REQUIRE((result == 36) == (*left > 0));
      REQUIRE(host.has("bus/mdev/devices/" + uuid) == (*left > 0));
      if (result == 36) {
        live.push_back(uuid);
      }
    } else if (!live.empty()) {
      std::swap(live[random() % live.size()], live.back());
      REQUIRE(host.write("bus/mdev/devices/" + live.back() + "/remove", "1") == 1);
      live.pop_back();
    }
    REQUIRE(host.nodes.there.size() == live.size());
  }
  for (const std::string& uuid : live) {
    REQUIRE(host.write("bus/mdev/devices/" + uuid + "/remove", "1") == 1);
  }
  REQUIRE(lefts(host, types) == idle);
  REQUIRE(host.nodes.there.empty());
}

}  // namespace

TEST_CASE("random creates and removes return every kind of parent to its initial state") {
  const std::vector<std::pair<std::string, std::string>> parents{
      {"m60", "0000:86:00.0"},       {"m60-u1", "0000:86:00.0"}, {"gvt", "0000:00:02.0"},
      {"gvt-small", "0000:00:02.0"}, {"samples", "mtty"},        {"samples", "mdpy"},
      {"samples", "mbochs"},         {"ap", "matrix"},           {"ccw", "0.0.0071"},
      {"gvt-a1", "0000:00:02.0"},
  };
  for (const auto& [scenario, parent] : parents) {
    for (unsigned seed = 0; seed < 5; ++seed) {
      play(scenario, parent, seed);
    }
  }
}

TEST_CASE("every shipped scenario can be loaded and simulated") {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MDEVADM_SCENARIOS)) {
    if (entry.path().extension() != ".toml") {
      continue;
    }
    const std::string name = entry.path().stem();
    ++count;
    CAPTURE(name);
    test::Simulated host(name);
    CHECK(host.read("kernel/mdevsim/description") != "absent");
  }
  CHECK(count > 30);
}
