#include <algorithm>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/resolve.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

constexpr const char* gpu = "0000:01:00.0";

GpuFunction bound_to(std::optional<std::string> driver, const std::string& address = gpu) {
  return {address, "10de:1e89", std::move(driver)};
}

Parent parent_without_types(const std::string& name = gpu) {
  return {.name = *ParentName::parse(name), .path = "sys/devices/" + name, .interface = "upstream"};
}

Snapshot host_with(GpuFunction function, bool mdev_support = true) {
  Snapshot seen;
  seen.mdev_support = mdev_support;
  seen.gpus.push_back(std::move(function));
  return seen;
}

Error refusal(const Snapshot& seen) {
  return not_offered(seen, seen.parents.at(0), *TypeName::parse("nvidia-257"), "cannot start");
}

}  // namespace

TEST_CASE("a GPU without driver offers no types for this reason") {
  const auto finding = why_no_types(host_with(bound_to(std::nullopt), false), gpu);
  REQUIRE(finding);
  CHECK(finding->what == "no driver is bound to 0000:01:00.0 (10de:1e89), so it offers no types");
  CHECK(finding->advice == std::vector<std::string>{"load NVIDIA's vGPU host driver: modprobe nvidia"});
}

TEST_CASE("a GPU without driver is bound to a driver that is loaded, unless an override prevents it") {
  Snapshot seen = host_with(bound_to(std::nullopt));
  seen.gpus.push_back(bound_to("nvidia", "0000:41:00.0"));
  CHECK(
      why_no_types(seen, gpu)->what ==
      "no driver is bound to 0000:01:00.0 (10de:1e89), so it offers no types, although the driver nvidia is "
      "loaded (it is bound to 0000:41:00.0)");
  CHECK(why_no_types(seen, gpu)->advice.front() ==
        "bind the GPU: echo 0000:01:00.0 > /sys/bus/pci/drivers/nvidia/bind");
  seen.gpus.front().driver_override = "vfio-pci";
  CHECK(why_no_types(seen, gpu)->what ==
        "no driver is bound to 0000:01:00.0 (10de:1e89), so it offers no types; its driver_override permits "
        "only "
        "vfio-pci");
  CHECK(why_no_types(seen, gpu)->advice ==
        std::vector<std::string>{"remove the override: driverctl unset-override 0000:01:00.0"});
}

TEST_CASE("a GPU on a driver for passthrough is returned by driverctl") {
  for (const std::string driver : {"vfio-pci", "nvgrace_gpu_vfio_pci", "pci-stub", "pciback"}) {
    const auto finding = why_no_types(host_with(bound_to(driver)), gpu);
    REQUIRE(finding);
    CHECK(finding->what ==
          driver +
              " is bound to 0000:01:00.0 (10de:1e89), so it offers no types (expected the driver nvidia)");
    CHECK(finding->advice ==
          std::vector<std::string>{"when no virtual machine uses it, return the GPU to its driver: "
                                   "driverctl unset-override 0000:01:00.0"});
  }
}

TEST_CASE("a GPU on another graphics driver needs the host driver") {
  for (const std::string driver : {"nouveau", "nova_core", "snd_hda_intel"}) {
    const auto finding = why_no_types(host_with(bound_to(driver)), gpu);
    REQUIRE(finding);
    CHECK(finding->str() ==
          driver +
              " is bound to 0000:01:00.0 (10de:1e89), so it offers no types (expected the driver nvidia): "
              "bind the GPU to NVIDIA's vGPU host driver: driverctl set-override 0000:01:00.0 nvidia");
  }
}

TEST_CASE("NVIDIA's driver without types is explained by nvidia-vgpud or by the kind of driver") {
  const auto with_core = why_no_types(host_with(bound_to("nvidia")), gpu);
  REQUIRE(with_core);
  CHECK(with_core->what == "nvidia is bound to 0000:01:00.0 (10de:1e89) but offers no types");
  REQUIRE(with_core->advice.size() == 2);
  CHECK(with_core->advice[0].find("journalctl -u nvidia-vgpud") != std::string::npos);
  CHECK(with_core->advice[1].find("modinfo nvidia_vgpu_vfio") != std::string::npos);
  const auto without_core = why_no_types(host_with(bound_to("nvidia"), false), gpu);
  REQUIRE(without_core);
  CHECK(without_core->what == with_core->what);
  CHECK(without_core->advice == std::vector<std::string>{with_core->advice[1]});
  CHECK(without_core->str() == without_core->what + ": " + without_core->advice[0]);
}

TEST_CASE("a finding without advice is one text") {
  CHECK(Finding{"no driver is bound"}.str() == "no driver is bound");
}

TEST_CASE("a registered parent without types is explained, whatever its driver") {
  Snapshot seen = host_with(bound_to("nvidia"));
  seen.parents = {parent_without_types("0000:00:02.0"), parent_without_types()};
  CHECK(why_no_types(seen, gpu)->what == "nvidia is bound to 0000:01:00.0 (10de:1e89) but offers no types");
  CHECK(why_no_types(seen, "0000:00:02.0")->str() ==
        "0000:00:02.0 is registered as a parent but offers no types: check the messages of its driver: "
        "journalctl -k");
  CHECK(notice_of(seen, seen.parents[1]) == why_no_types(seen, gpu)->str());
  const Error error = refusal(seen);
  CHECK(error.code() == ExitCode::not_found);
  CHECK(std::string(error.what()) ==
        "cannot start: 0000:00:02.0 has no type 'nvidia-257': 0000:00:02.0 is registered as a parent but "
        "offers no types");
  CHECK(error.hints() == std::vector<std::string>{"check the messages of its driver: journalctl -k"});
}

TEST_CASE("parents with types or with a notice or whose types vanish have no finding") {
  Snapshot seen = host_with(bound_to("nvidia"));
  seen.parents = {parent_without_types()};
  Parent& parent = seen.parents[0];
  SECTION("types") {
    parent.types = {{.id = *TypeName::parse("nvidia-257")}};
    CHECK(notice_of(seen, parent).empty());
  }
  SECTION("notice") {
    parent.notice = "virtual functions are not enabled";
    CHECK(notice_of(seen, parent) == parent.notice);
    CHECK(std::string(refusal(seen).what()).ends_with(" now: " + parent.notice));
    CHECK(refusal(seen).hints().empty());
  }
  SECTION("types that are listed only while they can be created") {
    parent.capabilities.types_vanish = true;
    CHECK(notice_of(seen, parent).empty());
  }
  SECTION("any type is accepted") {
    parent.capabilities.any_type = true;
  }
  SECTION("types in an unknown format") {
    parent.types_text = "1 2 3";
  }
  CHECK_FALSE(why_no_types(seen, gpu));
  CHECK(why_no_types(seen).empty());
}

TEST_CASE("a name that is neither a parent nor a GPU has no finding") {
  CHECK_FALSE(why_no_types(host_with(bound_to("nvidia")), "0000:02:00.0"));
  CHECK_FALSE(why_no_types(Snapshot{}, gpu));
  CHECK(why_no_types(Snapshot{}).empty());
}

TEST_CASE("the findings of a host are sorted by address and omit parents that offer types") {
  Snapshot seen = host_with(bound_to("vfio-pci", "0000:81:00.0"));
  seen.gpus.push_back(bound_to("nvidia", "0000:41:00.0"));
  seen.gpus.push_back(bound_to("nvidia"));
  seen.parents = {parent_without_types("0000:00:02.0"), parent_without_types()};
  seen.parents[1].types = {{.id = *TypeName::parse("nvidia-257")}};
  const std::vector<Finding> findings = why_no_types(seen);
  REQUIRE(findings.size() == 3);
  CHECK(findings[0].what.find("0000:00:02.0 is registered") == 0);
  CHECK(findings[1].what.find("nvidia is bound to 0000:41:00.0") == 0);
  CHECK(findings[2].what.find("vfio-pci is bound to 0000:81:00.0") == 0);
}

TEST_CASE("virtual functions without a usable interface are enabled again, whatever driver they have") {
  Parent parent = parent_without_types();
  CHECK(advice_for_functions(parent).empty());
  parent.functions = {{.address = "0000:01:00.4", .path = {}},
                      {.address = "0000:01:00.5", .path = {}, .usable = false, .driver = "vfio-pci"}};
  parent.functions[1].driver = "nvidia";
  CHECK(advice_for_functions(parent).front().find("first check that nvidia-vgpud has run") == 0);
  for (const auto& driver : {std::optional<std::string>("vfio-pci"), std::optional<std::string>()}) {
    parent.functions[1].driver = driver;
    parent.enables_functions = false;
    CHECK(
        advice_for_functions(parent) ==
        std::vector<std::string>{
            "enable the virtual functions again, when no virtual machine uses one: "
            "/usr/lib/nvidia/sriov-manage -d 0000:01:00.0 && /usr/lib/nvidia/sriov-manage -e 0000:01:00.0"});
    parent.enables_functions = true;
    CHECK(advice_for_functions(parent) ==
          std::vector<std::string>{"enable the virtual functions again, when no virtual machine uses one: "
                                   "mdevadm parent prepare 0000:01:00.0"});
  }
  Snapshot seen = host_with(bound_to("nvidia"));
  parent.notice = "1 of 2 virtual functions have no usable vGPU interface";
  seen.parents = {parent};
  CHECK(std::string(refusal(seen).what()).ends_with(" now: " + parent.notice));
  CHECK(refusal(seen).hints() == std::vector<std::string>{advice_for_functions(parent).front()});
}

TEST_CASE("virtual functions are not to be disabled while one has a vGPU") {
  Parent parent = parent_without_types();
  parent.functions = {{.address = "0000:01:00.4", .path = {}, .type = TypeName::parse("1149")},
                      {.address = "0000:01:00.5", .path = {}, .usable = false}};
  for (const auto& driver : {std::optional<std::string>("vfio-pci"), std::optional<std::string>(),
                             std::optional<std::string>("nvidia")}) {
    parent.functions[1].driver = driver;
    CHECK(advice_for_functions(parent).front().find("must be stopped") != std::string::npos);
    CHECK(advice_for_functions(parent).back() ==
          "until then, exclude the virtual function: mdevadm parent set 0000:01:00.0 --reserve 0000:01:00.5");
  }
  parent.without_iommu = true;
  CHECK(advice_for_functions(parent).front().find("enable the IOMMU") == 0);
}

TEST_CASE("a GPU with virtual functions is not bound by an override") {
  GpuFunction left = bound_to("pci-pf-stub");
  left.has_functions = true;
  CHECK(why_no_types(host_with(left), gpu)->advice ==
        std::vector<std::string>{"bind the GPU to NVIDIA's vGPU host driver: echo 0000:01:00.0 > "
                                 "/sys/bus/pci/drivers/pci-pf-stub/unbind; echo 0000:01:00.0 > "
                                 "/sys/bus/pci/drivers/nvidia/bind"});
  left.enables_functions = true;
  CHECK(why_no_types(host_with(left), gpu)->advice ==
        std::vector<std::string>{
            "bind the GPU, and enable its virtual functions: mdevadm parent prepare 0000:01:00.0"});
  left.driver_override = "pci-pf-stub";
  CHECK(why_no_types(host_with(left), gpu)->advice.front().find("echo > ") != std::string::npos);
}

TEST_CASE("the size in use explains a type without available instances only on a GPU of one size with room") {
  const auto type = [](const char* id, const char* name, std::uint64_t available) {
    return Type{.id = *TypeName::parse(id), .name = name, .available = available};
  };
  struct Case {
    const char* description;
    std::vector<Type> types;
    std::string reason;
  };
  const std::string in_use =
      "another framebuffer size is in use on this GPU (2G, by device '00000000-0000-4000-8000-000000000001' "
      "(nvidia-2))";
  const std::vector<Case> cases{
      {"one size, room", {type("nvidia-2", "GRID M60-2Q", 3), type("nvidia-4", "GRID M60-4Q", 0)}, in_use},
      {"full", {type("nvidia-2", "GRID M60-2Q", 0), type("nvidia-4", "GRID M60-4Q", 0)}, ""},
      {"mixed sizes",
       {type("nvidia-2", "NVIDIA L40S-2Q", 3), type("nvidia-4", "NVIDIA L40S-4Q", 0),
        type("nvidia-8", "NVIDIA L40S-8Q", 1)},
       ""},
      {"equal size", {type("nvidia-2", "GRID M60-2Q", 3), type("nvidia-4", "GRID M60-2B", 0)}, ""},
      {"MIG", {type("nvidia-2", "NVIDIA A100-1-5C", 3), type("nvidia-4", "NVIDIA A100-2-10C", 0)}, ""},
      {"other names", {type("nvidia-2", "i915-GVTg_V5_4", 3), type("nvidia-4", "i915-GVTg_V5_2", 0)}, ""},
  };
  for (const Case& one : cases) {
    INFO(one.description);
    Snapshot seen;
    Parent parent = parent_without_types();
    parent.types = one.types;
    seen.parents.push_back(parent);
    seen.devices.push_back({.uuid = *Uuid::parse("00000000-0000-4000-8000-000000000001"),
                            .parent = parent.name,
                            .type = TypeName::parse("nvidia-2")});
    CHECK(other_size_in_use(seen, parent, one.types[1]) == one.reason);
  }
  Parent idle = parent_without_types();
  idle.types = cases[0].types;
  CHECK(other_size_in_use({}, idle, idle.types[1]).empty());
}

TEST_CASE("mixed sizes are advised only if the GPU has vGPUs of one size") {
  Snapshot seen;
  Parent parent = parent_without_types();
  parent.capabilities.types_vanish = true;
  parent.types = {{.id = *TypeName::parse("nvidia-1"), .name = "L40S-4Q"}};
  seen.parents = {parent};
  seen.devices.push_back({.uuid = *Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001"),
                          .parent = parent.name,
                          .type = TypeName::parse("nvidia-1")});
  const auto advises = [&] {
    const Error error = not_offered(seen, seen.parents.at(0), *TypeName::parse("L40S-8Q"), "cannot start");
    CHECK(error.code() == ExitCode::no_capacity);
    const std::vector<std::string>& hints = error.hints();
    return std::find(hints.begin(), hints.end(), mixed_size_advice(gpu)) != hints.end();
  };
  CHECK(advises());
  seen.parents.at(0).types.push_back({.id = *TypeName::parse("nvidia-2"), .name = "L40S-2Q"});
  CHECK_FALSE(advises());
}

TEST_CASE("an idle parent may offer a type later if its driver lists only types that can be created") {
  Snapshot seen;
  seen.mdev_support = true;
  seen.parents.push_back(parent_without_types());
  seen.parents[0].types.push_back({.id = *TypeName::parse("nvidia-256"), .available = 1U});
  const auto text = [&] { return std::string(refusal(seen).what()); };
  CHECK(text().ends_with("has no type 'nvidia-257'"));
  seen.parents[0].capabilities.types_vanish = true;
  CHECK(text().ends_with("has no type 'nvidia-257' now"));
  seen.parents[0].unlisted.push_back({.id = *TypeName::parse("nvidia-258")});
  CHECK(text().ends_with("has no type 'nvidia-257'"));
}
