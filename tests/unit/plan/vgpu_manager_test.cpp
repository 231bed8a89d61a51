#include <mdevadm/plan/vgpu_manager.hpp>

#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include <string>
#include <vector>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const std::vector<GpuFunction> three_gpus{{"0000:3b:00.0", "10de:1eb8", "nvidia", "10de:12a2"},
                                          {"0000:86:00.0", "10de:26b9", "nvidia", "10de:1851"},
                                          {"0000:d8:00.0", "10de:1eb8", "vfio-pci", "10de:12a2"}};

using Indices = std::optional<std::vector<std::uint64_t>>;

VgpuRule rule(const std::vector<std::string>& filter, const Indices& indices, const std::string& type,
              std::uint64_t count) {
  VgpuRule result{.where = {"c.yaml", 7, 3}, .indices = indices, .indices_at = {"c.yaml", 7, 12}};
  for (const std::string& text : filter) {
    result.filter.push_back(*PciPattern::parse(text));
  }
  if (!type.empty()) {
    result.counts.push_back({type, count, {}});
  }
  return result;
}

// Returns "NAME COUNT on PARENTS but EXCEPT" of each entry.
std::vector<std::string> described(const std::vector<VgpuRule>& rules, std::size_t warnings = 0) {
  const VgpuConfig config{"one", {}, rules};
  const VgpuDescription result = describe_vgpus(config, three_gpus, StartMode::manual);
  CHECK(result.warnings.size() == warnings);
  std::vector<std::string> texts;
  for (const DeviceEntry& entry : result.file.devices) {
    CHECK(entry.per_parent);
    texts.push_back(entry.name + " " + std::to_string(*entry.count) + " on " + join(entry.parents, ","));
    texts.back() += entry.except.empty() ? "" : " but " + join(entry.except, ",");
  }
  return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("rules for all GPUs do not depend on the host") {
  CHECK(described({rule({}, {}, "T4-1Q", 16)}) == Texts{"t4-1q-{parent}-{} 16 on 10de:"});
  CHECK(
      described({rule({"10de:1eb8"}, {}, "T4-8Q", 2), rule({"10de:26b9", "10de:26b5"}, {}, "L40S-24Q", 2)}) ==
      Texts{"t4-8q-{parent}-{} 2 on 10de:1eb8", "l40s-24q-{parent}-{} 2 on 10de:26b9,10de:26b5"});
}

TEST_CASE("indices mean GPUs of the host, in the order of their addresses") {
  CHECK(described({rule({}, Indices{{0, 2}}, "T4-1Q", 16)}) ==
        Texts{"t4-1q-{parent}-{} 16 on 0000:3b:00.0,0000:d8:00.0"});
  CHECK(described({rule({"10de:1eb8"}, Indices{{1, 2}}, "T4-1Q", 16)}) ==
        Texts{"t4-1q-{parent}-{} 16 on 0000:d8:00.0"});
  CHECK(described({rule({"10de:1eb8:10de:12a2"}, Indices{{0}}, "T4-1Q", 16)}) ==
        Texts{"t4-1q-{parent}-{} 16 on 0000:3b:00.0"});
  CHECK(described({rule({}, Indices{{3}}, "T4-1Q", 16)}, 1).empty());
  CHECK(described({rule({}, Indices{std::vector<std::uint64_t>{}}, "T4-1Q", 16)}).empty());
}

TEST_CASE("the last rule for a GPU decides") {
  CHECK(described({rule({}, {}, "T4-1Q", 16), rule({}, Indices{{2}}, "T4-2Q", 8)}) ==
        Texts{"t4-1q-{parent}-{} 16 on 10de: but 0000:d8:00.0", "t4-2q-{parent}-{} 8 on 0000:d8:00.0"});
  CHECK(described({rule({"10de:25b6"}, {}, "A2-8Q", 2), rule({"10de:25b6:10de:14a9"}, {}, "A16-8Q", 2)}) ==
        Texts{"a2-8q-{parent}-{} 2 on 10de:25b6 but 10de:25b6:10de:14a9",
              "a16-8q-{parent}-{} 2 on 10de:25b6:10de:14a9"});
  CHECK(described({rule({"10de:26b9"}, {}, "L40S-8Q", 2), rule({}, Indices{{0, 1}}, "T4-2Q", 8)}) ==
        Texts{"l40s-8q-{parent}-{} 2 on 10de:26b9 but 0000:86:00.0",
              "t4-2q-{parent}-{} 8 on 0000:3b:00.0,0000:86:00.0"});
  CHECK(described({rule({}, Indices{{0, 1}}, "T4-1Q", 16), rule({"10de:1eb8"}, {}, "T4-2Q", 8)}, 1) ==
        Texts{"t4-1q-{parent}-{} 16 on 0000:86:00.0", "t4-2q-{parent}-{} 8 on 10de:1eb8"});
  // A rule without vGPUs empties GPUs.
  CHECK(described({rule({}, {}, "T4-1Q", 16), rule({"10de:26b9"}, {}, "", 0)}) ==
        Texts{"t4-1q-{parent}-{} 16 on 10de: but 10de:26b9"});
  CHECK(described({rule({}, {}, "T4-1Q", 16), rule({}, {}, "", 0)}, 1).empty());
  // The same rule twice is not worth a warning.
  CHECK(described({rule({"10de:20b5"}, {}, "A100D-40C", 2), rule({"10de:20b5"}, {}, "A100D-40C", 2)}) ==
        Texts{"a100d-40c-{parent}-{} 2 on 10de:20b5"});
}

TEST_CASE("without a name the only configuration is chosen, or the default one") {
  const std::vector<VgpuConfig> one{{"a", {}, {}}};
  const std::vector<VgpuConfig> two{{"a", {}, {}}, {"b c", {}, {}}};
  const std::vector<VgpuConfig> three{{"a", {}, {}}, {"default", {}, {}}, {"b", {}, {}}};
  CHECK(choose_vgpu_config(one, "", "cannot import").name == "a");
  CHECK(choose_vgpu_config(three, "", "cannot import").name == "default");
  CHECK(choose_vgpu_config(three, "b", "cannot import").name == "b");
  try {
    choose_vgpu_config(two, "", "cannot import 'f'");
    FAIL();
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    CHECK(error.hints().at(0) == "configurations in the file: a, 'b c'");
  }
  try {
    choose_vgpu_config(three, "defualt", "cannot import 'f'");
    FAIL();
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::not_found);
    CHECK(std::string(error.what()) == "cannot import 'f': the file has no configuration 'defualt'");
    CHECK(error.hints().at(0) == "did you mean 'default'?");
  }
}
