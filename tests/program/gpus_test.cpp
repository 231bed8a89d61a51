// GPUs that offer no types, or fewer than they could: what the program says of them. The trees are laid here.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "program.hpp"
#include "tree.hpp"

using namespace mdevadm;

namespace {

const std::string first = "0000:41:00.0";
const std::string second = "0000:81:00.0";

// A host to which GPUs are added.
class GpuHost : public test::TempDir {
 public:
  // Adds a GPU; an empty driver binds none. Returns its directory below the root.
  std::string add_gpu(const std::string& address, const std::string& driver,
                      const std::string& pci_class = "0x030200") {
    const std::string path = add_function(address, driver);
    lay(path + "/device = 0x26b9\n" + path + "/class = " + pci_class + "\n" + path +
        "/iommu_group -> ../../../kernel/iommu_groups/1\n");
    return path;
  }

  // Registers the GPU as an mdev parent with these types, of which one each is available.
  void register_parent(const std::string& address, const std::vector<std::string>& types) {
    lay("sys/class/mdev_bus/" + address + " -> ../../devices/pci0000:00/" + address + "\n" +
        "sys/devices/pci0000:00/" + address + "/mdev_supported_types/\n");
    for (const std::string& type : types) {
      const std::string path = "sys/devices/pci0000:00/" + address + "/mdev_supported_types/" + type;
      lay(path + "/available_instances = 1\\n\n" + path + "/device_api = vfio-pci\\n\n" + path +
          "/create = \n" + path + "/devices/\n");
    }
  }

  // Adds virtual functions .4, .5 ... bound to these drivers. Those bound to nvidia have the vGPU interface.
  void add_functions(const std::string& address, const std::vector<std::string>& drivers) {
    const std::string gpu = "sys/devices/pci0000:00/" + address;
    lay(gpu + "/sriov_totalvfs = 32\n");
    for (std::size_t i = 0; i < drivers.size(); ++i) {
      const std::string vf = function_of(address, i);
      const std::string path = add_function(vf, drivers[i]);
      lay(path + "/physfn -> ../" + address + "\n" + gpu + "/virtfn" + std::to_string(i) + " -> ../" + vf +
          "\n" + path + "/device = 0x26b9\n" + path + "/class = 0x030200\n");
      if (drivers[i] == "nvidia") {
        lay(path + "/nvidia/current_vgpu_type = 0\\n\n" + path +
            "/nvidia/creatable_vgpu_types = ID    : vGPU Name\\n1150  : NVIDIA L40S-4Q\\n1156  : NVIDIA "
            "L40S-48Q\\n\n");
      }
    }
  }

  static std::string function_of(const std::string& address, std::size_t index) {
    return address.substr(0, address.size() - 1) + std::to_string(4 + index);
  }

  void lay(const std::string& text) const { test::lay_tree(text, path()); }

  test::Ran run(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--root", str()});
    return test::mdevadm(words);
  }

 private:
  std::string add_function(const std::string& address, const std::string& driver) {
    std::string path = "sys/devices/pci0000:00/" + address;
    lay("sys/bus/pci/devices/" + address + " -> ../../../devices/pci0000:00/" + address + "\n" + path +
        "/vendor = 0x10de\n");
    if (!driver.empty()) {
      lay(path + "/driver -> ../../../bus/pci/drivers/" + driver + "\nsys/bus/pci/drivers/" + driver + "/" +
          address + " -> ../../../../devices/pci0000:00/" + address + "\n");
    }
    return path;
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string line_of(const std::string& text) {
  return "mdevadm: " + text + "\n";
}

}  // namespace

TEST_CASE("types and show and define name the driver of an unregistered GPU") {
  struct Case {
    std::string driver, finding, advice;
  };
  for (const Case& c : std::vector<Case>{
           {"", "no driver is bound to 0000:41:00.0 (10de:26b9), so it offers no types",
            "load NVIDIA's vGPU host driver: modprobe nvidia"},
           {"vfio-pci",
            "vfio-pci is bound to 0000:41:00.0 (10de:26b9), so it offers no types (expected the driver "
            "nvidia)",
            "when no virtual machine uses it, return the GPU to its driver: driverctl unset-override "
            "0000:41:00.0"},
           {"nouveau",
            "nouveau is bound to 0000:41:00.0 (10de:26b9), so it offers no types (expected the driver "
            "nvidia)",
            "bind the GPU to NVIDIA's vGPU host driver: driverctl set-override 0000:41:00.0 nvidia"},
           {"nvidia", "nvidia is bound to 0000:41:00.0 (10de:26b9) but offers no types",
            "check that NVIDIA's vGPU host driver is installed, not the one for displays or CUDA: modinfo "
            "nvidia_vgpu_vfio"},
       }) {
    CAPTURE(c.driver);
    GpuHost host;
    host.add_gpu(first, c.driver);
    const test::Ran types = host.run({"types"});
    CHECK(types.code == 0);
    CHECK(types.out.empty());
    CHECK(types.err == line_of(c.finding + ": " + c.advice));
    const test::Ran types_of_gpu = host.run({"types", first});
    CHECK(types_of_gpu.code == 3);
    CHECK(has(types_of_gpu.err, ": " + c.finding + "\nhint: " + c.advice));
    for (const std::string& word : {std::string(first), std::string("41:00.0")}) {
      const test::Ran shown = host.run({"show", word});
      CAPTURE(word, shown.out, shown.err);
      CHECK(shown.code == 0);
      CHECK(has(shown.out, c.finding));
      CHECK(has(shown.out, c.advice));
    }
    const test::Ran define = host.run({"define", "-p", first, "-t", "L40S-4Q"});
    CHECK(define.code == 3);
    CHECK(has(define.err, "not found or not mdev-capable: " + c.finding + "\nhint: " + c.advice));
    const auto notes = nlohmann::json::parse(host.run({"types", "--json"}).out)["notes"];
    CHECK(notes == nlohmann::json::array({c.finding + ": " + c.advice}));
  }
}

TEST_CASE("the advice for NVIDIA's driver without types names nvidia-vgpud if the mdev core is loaded") {
  GpuHost host;
  host.add_gpu(first, "nvidia");
  host.lay("sys/class/mdev_bus/\n");
  CHECK(has(host.run({"types"}).err, "offers no types: check nvidia-vgpud: journalctl -u nvidia-vgpud"));
}

TEST_CASE("a registered GPU without types is named by types and show and status and define") {
  GpuHost host;
  host.add_gpu(first, "nvidia");
  host.register_parent(first, {});
  const std::string finding = "nvidia is bound to 0000:41:00.0 (10de:26b9) but offers no types";
  const std::string notice =
      finding +
      ": check nvidia-vgpud: journalctl -u nvidia-vgpud (it registers the types of GPUs that support vGPUs)";
  CHECK(host.run({"types"}).err == line_of(notice));
  CHECK(host.run({"types", first}).err == line_of(notice));
  const auto shown = nlohmann::json::parse(host.run({"show", first, "--json"}).out);
  CHECK(shown["parents"][0]["notice"] == notice);
  const auto status = nlohmann::json::parse(host.run({"status", "--json"}).out);
  CHECK(status["parents"][0]["notice"] == notice);
  const test::Ran define = host.run({"define", "-p", first, "-t", "L40S-4Q"});
  CHECK(define.code == 3);
  CHECK(has(define.err, "0000:41:00.0 has no type 'L40S-4Q': " + finding + "\nhint: check nvidia-vgpud"));
}

TEST_CASE("a registered parent of another vendor without types is named too") {
  GpuHost host;
  const std::string path = host.add_gpu("0000:00:02.0", "i915");
  test::write_text(host.path() / path / "vendor", "0x8086\n");
  host.register_parent("0000:00:02.0", {});
  const std::string notice =
      "0000:00:02.0 is registered as a parent but offers no types: check the messages of its driver: "
      "journalctl -k";
  CHECK(host.run({"types"}).err == line_of(notice));
  CHECK(has(host.run({"show", "0000:00:02.0"}).out, notice));
}

TEST_CASE("types names each GPU without types beside a parent that has types") {
  GpuHost host;
  host.add_gpu(first, "nvidia");
  host.register_parent(first, {"nvidia-257"});
  SECTION("registered") {
    host.add_gpu(second, "nvidia");
    host.register_parent(second, {});
  }
  SECTION("not registered") {
    host.add_gpu(second, "nvidia");
  }
  SECTION("on vfio-pci") {
    host.add_gpu(second, "vfio-pci");
  }
  SECTION("without driver") {
    host.add_gpu(second, "");
  }
  const test::Ran all = host.run({"types"});
  CHECK(has(all.out, "nvidia-257"));
  CHECK(std::count(all.err.begin(), all.err.end(), '\n') == 1);
  CHECK(has(all.err, second));
  const test::Ran one = host.run({"types", first});
  CHECK(has(one.out, "nvidia-257"));
  CHECK(one.err.empty());
  const test::Ran shown = host.run({"show", second});
  CHECK(has(shown.out + shown.err, "offers no types"));
}

TEST_CASE("types of a GPU without types does not name other GPUs") {
  GpuHost host;
  host.add_gpu(first, "nvidia");
  host.register_parent(first, {});
  host.add_gpu(second, "nvidia");
  host.register_parent(second, {"nvidia-257"});
  const test::Ran ran = host.run({"types", first});
  CHECK(has(ran.err, first));
  CHECK_FALSE(has(ran.err, second));
}

TEST_CASE("functions of a graphics card that are no display controllers are not named") {
  GpuHost host;
  host.add_gpu("0000:41:00.1", "snd_hda_intel", "0x040300");
  const test::Ran ran = host.run({"types"});
  CHECK_FALSE(has(ran.err, "0000:41:00.1"));
}

TEST_CASE("a bridge beside a GPU is neither a parent nor a finding") {
  GpuHost host;
  const std::string bridge = "0000:01:00.0";
  host.add_gpu(bridge, "nvidia-nvswitch", "0x068000");
  host.add_gpu(first, "nvidia");
  host.add_functions(first, {"nvidia", "nvidia"});
  const test::Ran types = host.run({"types"});
  CHECK(types.code == 0);
  CHECK(types.out.find(first) != std::string::npos);
  for (const char* command : {"types", "list", "check", "status"}) {
    const test::Ran ran = host.run({command});
    INFO(command << ran.out << ran.err);
    CHECK((ran.out + ran.err).find(bridge) == std::string::npos);
  }
}

TEST_CASE("types of GPU instances and others in one list can both be created") {
  GpuHost host;
  host.add_gpu(first, "nvidia");
  host.add_functions(first, {"nvidia", "nvidia"});
  for (std::size_t i = 0; i < 2; ++i) {
    host.lay(
        "sys/devices/pci0000:00/" + GpuHost::function_of(first, i) +
        "/nvidia/creatable_vgpu_types = ID : vGPU Name\\n697 : GRID A100D-40C\\n699 : GRID A100D-1-10C\\n\n");
  }
  CHECK(host.run({"types", "-n", "-o", "type,available"}).out.find("699") != std::string::npos);
  for (const std::string& type : {std::string("697"), std::string("699")}) {
    for (const std::string& parent : {first, std::string("any")}) {
      const test::Ran ran = host.run({"define", "-p", parent, "-t", type, "--name", "a"});
      INFO(type << " " << parent << ran.err);
      CHECK(ran.code == 0);
      CHECK(ran.err.find("MIG") == std::string::npos);
      CHECK(ran.err.find("cannot") == std::string::npos);
      host.run({"undefine", "a"});
    }
  }
}

TEST_CASE("virtual functions that are bound to another driver or to none are named") {
  struct Case {
    std::string driver, reason, state, advice;
  };
  for (const Case& c :
       std::vector<Case>{{"vfio-pci", "bound to vfio-pci", "driver: vfio-pci",
                          "enable the virtual functions again, when no virtual machine uses one: "
                          "/usr/lib/nvidia/sriov-manage -d 0000:41:00.0 "
                          "&& /usr/lib/nvidia/sriov-manage -e 0000:41:00.0"},
                         {"", "bound to no driver", "no driver",
                          "enable the virtual functions again, when no virtual machine uses one: "
                          "/usr/lib/nvidia/sriov-manage -d 0000:41:00.0 "
                          "&& /usr/lib/nvidia/sriov-manage -e 0000:41:00.0"}}) {
    CAPTURE(c.driver);
    GpuHost host;
    host.add_gpu(first, "nvidia");
    host.add_functions(first, {c.driver, c.driver});
    const std::string notice =
        "2 of 2 virtual functions have no usable vGPU interface (expected NVIDIA's vGPU host driver, "
        "nvidia): 0000:41:00.4 and 1 more " +
        c.reason;
    CHECK(host.run({"types"}).err == line_of(first + ": " + notice));
    const test::Ran shown = host.run({"show", first});
    CHECK(has(shown.out, notice));
    CHECK(has(shown.out, "0000:41:00.5: not usable (" + c.state + ")"));
    const test::Ran start = host.run({"start", "-p", first, "-t", "L40S-4Q"});
    CHECK(start.code == 3);
    CHECK(has(start.err, "has no type 'L40S-4Q' now: " + notice + "\nhint: " + c.advice));
  }
}

TEST_CASE("one virtual function of several that is not usable is named and never chosen") {
  for (const std::size_t bad : {0U, 1U, 2U}) {
    for (const std::string driver : {"vfio-pci", ""}) {
      CAPTURE(bad, driver);
      GpuHost host;
      host.add_gpu(first, "nvidia");
      std::vector<std::string> drivers(3, "nvidia");
      drivers[bad] = driver;
      host.add_functions(first, drivers);
      const std::string bad_one = GpuHost::function_of(first, bad);
      const auto types = nlohmann::json::parse(host.run({"types", "--json"}).out)["types"];
      REQUIRE(types.size() == 2);
      CHECK(types[0]["available"] == 2);
      const test::Ran shown = host.run({"show", first});
      CHECK(has(shown.out, "1 of 3 virtual functions have no usable vGPU interface"));
      CHECK(has(shown.out, bad_one + ": not usable"));
      for (int i = 0; i < 2; ++i) {
        REQUIRE(host.run({"define", "-p", first, "-t", "L40S-4Q"}).code == 0);
      }
      CHECK_FALSE(has(host.run({"list", "--all", "-o", "vf"}).out, bad_one));
      CHECK(host.run({"start", "-p", first, "-t", "L40S-4Q", "--vf", bad_one, "--dry-run"}).code != 0);
    }
  }
}

TEST_CASE("one unregistered virtual function of a GPU with mediated devices is named and never chosen") {
  GpuHost host;
  host.add_gpu(first, "nvidia");
  host.add_functions(first, {"vfio-pci", "nvidia", "nvidia"});
  for (const char* vf : {"0000:41:00.5", "0000:41:00.6"}) {
    std::filesystem::remove_all(host.path() / "sys/devices/pci0000:00" / vf / "nvidia");
    host.register_parent(vf, {"nvidia-1150"});
  }
  const test::Ran shown = host.run({"show", first});
  CHECK(has(shown.out, "mdev-vf"));
  CHECK(has(shown.out, "1 of 3 virtual functions have no usable vGPU interface"));
  CHECK(has(shown.out, "0000:41:00.4 bound to vfio-pci"));
  const test::Ran start = host.run({"start", "-p", first, "-t", "nvidia-1150", "--dry-run"});
  CHECK(start.code == 0);
  CHECK(has(start.out, "0000:41:00.5"));
}

TEST_CASE("a virtual function with an invalid type is not usable, and a hexadecimal type is read") {
  for (const std::string content : {"N/A", "", "1150 x", "0x", "-1"}) {
    CAPTURE(content);
    GpuHost host;
    host.add_gpu(first, "nvidia");
    host.add_functions(first, {"nvidia", "nvidia", "nvidia"});
    const auto file = [&](std::size_t index) {
      return host.path() / "sys/devices/pci0000:00" / GpuHost::function_of(first, index) /
             "nvidia/current_vgpu_type";
    };
    test::write_text(file(0), content + "\n");
    test::write_text(file(1), "0x47e\n");
    const test::Ran shown = host.run({"show", first});
    CHECK(has(shown.out, "0000:41:00.4: not usable (driver: nvidia)"));
    CHECK(has(shown.out, "0000:41:00.5: 1150"));
    CHECK(has(shown.out, "bound to nvidia without readable files of the vGPU host driver"));
    const test::Ran start = host.run({"start", "-p", first, "-t", "L40S-4Q", "--dry-run"});
    CHECK(start.code == 0);
    CHECK(has(start.out, "virtual function 0000:41:00.6"));
  }
}
