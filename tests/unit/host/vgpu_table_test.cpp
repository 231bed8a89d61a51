#include <sys/stat.h>

#include <filesystem>
#include <mdevadm/host/host.hpp>
#include <mdevadm/host/vgpu_table.hpp>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;

namespace {

const std::string gpu = "0000:41:00.0";

std::string type_xml(int id, const std::string& name, const std::string& more = {}) {
  return "<vgpuType id=\"" + std::to_string(id) + "\" name=\"" + name +
         "\" class=\"Quadro\"><devId vendorId=\"0x10de\" deviceId=\"0x26B9\" "
         "subsystemId=\"0x18aa\"></devId>" +
         more + "</vgpuType>";
}

std::string gpu_xml(const std::string& device, const std::string& subsystem,
                    const std::vector<std::pair<int, int>>& types) {
  std::string text = "<pgpu><devId vendorId=\"0x10de\" deviceId=\"" + device +
                     "\" subsystemVendorId=\"0x10de\" subsystemId=\"" + subsystem + "\"/>";
  for (const auto& [id, maximum] : types) {
    text += "<supportedVgpu vgpuId=\"" + std::to_string(id) + "\"><maxVgpus>" + std::to_string(maximum) +
            "</maxVgpus><digest type=\"signature\">" + std::string(256, 'a') + "</digest></supportedVgpu>";
  }
  return text + "</pgpu>";
}

std::string table_xml(const std::string& content) {
  return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
         "<!DOCTYPE vgpu SYSTEM \"http://www.nvidia.com/dtd/vgpuConfig.dtd\">\n<vgpuconfig>"
         "<version>1.0</version>" +
         content + "</vgpuconfig>";
}

std::string problem_of(const std::string& xml) {
  try {
    std::ignore = VgpuTable::parse(xml);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::failed);
    return error.what();
  }
  return {};
}

std::vector<std::string> names_of(const std::vector<Type>& types) {
  std::vector<std::string> names;
  for (const Type& type : types) {
    names.push_back(type.name.value_or("-"));
  }
  return names;
}

// A GPU with virtual functions. Each VF has a type, "0" for none, and lists the types of `creatable`.
struct VfHost : test::TempDir {
  VfHost(const std::vector<std::string>& types, const std::string& creatable,
         const std::string& table =
             table_xml(type_xml(1150, "NVIDIA L40S-4Q") + type_xml(1156, "NVIDIA L40S-48Q") +
                       type_xml(1200, "NVIDIA L40S-1-12C") + type_xml(1201, "NVIDIA L40S-2-24C") +
                       gpu_xml("0x26B9", "0x0", {{1150, 12}, {1156, 1}, {1200, 4}, {1201, 2}}))) {
    const std::string path = "sys/devices/pci0000:00/" + gpu;
    lay("sys/bus/pci/drivers/nvidia/" + gpu + " -> ../../../../devices/pci0000:00/" + gpu + "\n" +
        "sys/bus/pci/devices/" + gpu + " -> ../../../devices/pci0000:00/" + gpu + "\n" + path +
        "/sriov_totalvfs = 32\n" + path + "/vendor = 0x10de\n" + path + "/device = 0x26b9\\n\n" + path +
        "/subsystem_device = 0x1851\\n\n" + path + "/driver -> ../../../bus/pci/drivers/nvidia\n");
    for (std::size_t i = 0; i < types.size(); ++i) {
      const std::string vf = "0000:41:00." + std::to_string(i + 4);
      const std::string directory = "sys/devices/pci0000:00/" + vf;
      lay(path + "/virtfn" + std::to_string(i) + " -> ../" + vf + "\n" + directory +
          "/nvidia/current_vgpu_type = " + types[i] + "\\n\n" + directory +
          "/nvidia/creatable_vgpu_types = ID    : vGPU Name\\n" + creatable + "\n");
    }
    if (!table.empty()) {
      test::write_text(path_of_table(), table);
    }
  }

  std::filesystem::path path_of_table() const { return path() / VgpuTable::path; }
  void lay(const std::string& text) const { test::lay_tree(text, path()); }

  Parent observe() const {
    const sys::Dir root = *sys::Dir::open(str());
    const Snapshot seen = Host(root).observe({Facet::types | Facet::type_name | Facet::available, {}, {}});
    REQUIRE(seen.parents.size() == 1);
    return seen.parents[0];
  }
};

}  // namespace

TEST_CASE("the table of vGPU types has name and size and maximum of the types of a GPU") {
  const VgpuTable table = VgpuTable::parse(
      table_xml(type_xml(1156, "NVIDIA L40S-48Q") + type_xml(1150, "NVIDIA L40S-4Q") +
                type_xml(9, "Odd name", "<framebuffer>0x1A000000</framebuffer>") +
                type_xml(10, "Odd name 2",
                         "<framebuffer>0x1A000000</framebuffer><profileSize>0x20000000</profileSize>") +
                type_xml(11, "Odd name 3",
                         "<profileSize>0x20000000</profileSize><framebuffer>0x1A000000</framebuffer>") +
                gpu_xml("0x26B9", "0x0", {{1156, 1}, {1150, 12}, {9, 16}, {10, 8}, {11, 8}, {77, 3}}) +
                gpu_xml("0x26BA", "0x0", {{1150, 6}})));
  const std::vector<Type> types = table.types_of(0x26b9, 0x1851);
  REQUIRE(names_of(types) == std::vector<std::string>{"Odd name", "Odd name 2", "Odd name 3",
                                                      "NVIDIA L40S-4Q", "NVIDIA L40S-48Q"});
  CHECK(types[0].properties.at(0).text == "416M");
  CHECK(types[1].properties.at(0).text == "512M");
  CHECK(types[2].properties.at(0).text == "512M");
  CHECK(types[3].id.str() == "1150");
  CHECK(types[3].maximum == 12);
  CHECK(types[3].available == 0);
  CHECK(types[3].device_api == "vfio-pci");
  CHECK(types[3].properties.at(0).text == "4096M");
  CHECK(table.types_of(0x26ba, 0x1851).at(0).maximum == 6);
  CHECK(table.types_of(0x26bb, 0x1851).empty());
}

TEST_CASE("an entry for the subsystem of a GPU takes precedence over one for all") {
  const VgpuTable table =
      VgpuTable::parse(table_xml(type_xml(1, "NVIDIA A-1Q") + type_xml(2, "NVIDIA A-2Q") +
                                 gpu_xml("0x20f1", "0", {{1, 4}}) + gpu_xml("0x20F1", "0x145F", {{2, 4}})));
  CHECK(names_of(table.types_of(0x20f1, 0x145f)) == std::vector<std::string>{"NVIDIA A-2Q"});
  CHECK(names_of(table.types_of(0x20f1, 0x1460)) == std::vector<std::string>{"NVIDIA A-1Q"});
}

TEST_CASE("types and GPUs of the table can be in any order and have other elements") {
  const VgpuTable table = VgpuTable::parse(table_xml(
      gpu_xml("0x20f1", "0", {{1, 4}}) +
      type_xml(1, "A &lt;1&gt;", "<x><profileSize>0x1</profileSize></x><profileSize>oops</profileSize>") +
      "<vgpuType/><pgpu/><pgpu><supportedVgpu vgpuId=\"1\"/></pgpu>" + type_xml(2, "a&#10;b")));
  const std::vector<Type> types = table.types_of(0x20f1, 0);
  REQUIRE(types.size() == 1);
  CHECK(types[0].name == "A <1>");
  CHECK(types[0].properties.empty());
}

TEST_CASE("text that is not a valid table is refused with the line") {
  const std::string laughs =
      "<?xml version=\"1.0\"?>\n<!DOCTYPE v [<!ENTITY a \"ha\">\n<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>\n"
      "<vgpuconfig>&b;</vgpuconfig>";
  std::string deep = "<vgpuconfig>";
  for (int i = 0; i < 100000; ++i) {
    deep += "<a>";
  }
  std::string many = "<vgpuconfig>";
  for (int i = 0; i < 100001; ++i) {
    many += "<pgpu/>";
  }
  CHECK(problem_of(laughs) == "line 2: entities are not supported");
  CHECK(problem_of("<!DOCTYPE v [<!ENTITY % a SYSTEM \"file:///etc/passwd\"> %a;]><vgpuconfig/>") ==
        "line 1: entities are not supported");
  CHECK(problem_of(deep) == "line 1: elements are nested too deeply");
  CHECK(problem_of(many + "</vgpuconfig>") == "line 1: too many entries");
  CHECK(problem_of("<html/>").find("line 1: not a table of vGPU types") == 0);
  CHECK(problem_of("").find("line 1: no element found") == 0);
  CHECK(problem_of("<vgpuconfig>\n<pgpu>\n</vgpuconfig>").find("line 3: mismatched tag") == 0);
  CHECK(problem_of(table_xml("").substr(0, 80)).find("line 2: ") == 0);
  CHECK(problem_of(std::string(VgpuTable::largest + 1, ' ')) == "larger than 32 MiB");
  CHECK(problem_of(std::string(VgpuTable::largest, ' ')).find("line 1: no element found") == 0);
  CHECK(problem_of("<vgpuconfig a=\"" + std::string(1, '\xff') + "\"/>").find("line 1: ") == 0);
  CHECK(problem_of(table_xml("")).empty());
}

TEST_CASE("a full GPU has the other types as unlisted and the type in use has name and maximum") {
  const Parent parent = VfHost({"1156", "0"}, "").observe();
  REQUIRE(parent.types.size() == 1);
  CHECK(parent.types[0].name == "NVIDIA L40S-48Q");
  CHECK(parent.types[0].maximum == 1);
  CHECK(parent.types[0].available == 0);
  CHECK(parent.types[0].properties.at(0).text == "49152M");
  CHECK(names_of(parent.unlisted) == std::vector<std::string>{"NVIDIA L40S-4Q"});
  CHECK(parent.unlisted[0].available == 0);
  REQUIRE(parent.all_types().size() == 2);
  CHECK(parent.all_types()[0]->id.str() == "1150");
  CHECK(parent.table_problem.empty());
  CHECK(resolve_type(parent, "l40s-4q") == parent.unlisted.data());
  CHECK(resolve_type(parent, "nvidia-1150") == parent.unlisted.data());
}

TEST_CASE("the maximum of the table limits the available instances of a GPU with devices") {
  const Parent parent = VfHost({"1150", "1150", "0", "0"}, "1150  : NVIDIA L40S-4Q\\n").observe();
  REQUIRE(parent.types.size() == 1);
  // Of the table: 12, more than the virtual functions.
  CHECK(parent.types[0].maximum == 4);
  CHECK(parent.types[0].available == 2);
}

TEST_CASE("the maxima of types do not depend on the types that the driver lists") {
  const Parent full = VfHost({"1156", "0", "0", "0"}, "").observe();
  const Parent idle =
      VfHost({"0", "0", "0", "0"}, "1150 : NVIDIA L40S-4Q\\n1156 : NVIDIA L40S-48Q\\n").observe();
  CHECK(full.unlisted.at(0).maximum == 4);
  CHECK(idle.types.at(0).maximum == 4);
}

TEST_CASE("lines of the list of types in another format are reported") {
  const std::string hex =
      VfHost({"0", "0"}, "0x47e : NVIDIA L40S-4Q\\n0x484 : NVIDIA L40S-48Q\\n").observe().notice;
  CHECK(hex ==
        "2 lines in nvidia/creatable_vgpu_types of 0000:41:00.4 are not understood (expected 'NUMBER : "
        "NAME'), first: '0x47e : NVIDIA L40S-4Q'");
  CHECK(VfHost({"0"}, "1150\\n").observe().notice.find("1 line in ") == 0);
  CHECK(VfHost({"0"}, "0 : none\\n").observe().notice.find("no types available") == 0);
}

TEST_CASE("virtual functions that are enabled but not present are reported") {
  const VfHost host({"0", "0"}, "1150 : NVIDIA L40S-4Q\\n");
  host.lay("sys/devices/pci0000:00/" + gpu + "/sriov_numvfs = 4\\n\n");
  CHECK(host.observe().notice == "4 virtual functions are enabled, but only 2 are present");
}

TEST_CASE("types of GPU instances are unlisted types only of a GPU that has some, or whose mode is unknown") {
  CHECK(names_of(VfHost({"1200", "0"}, "").observe().unlisted) ==
        std::vector<std::string>{"NVIDIA L40S-2-24C"});
  CHECK(names_of(VfHost({"1200", "0"}, "1201 : NVIDIA L40S-2-24C\\n").observe().unlisted).empty());
  CHECK(VfHost({}, "").observe().unlisted.size() == 4);
  CHECK(VfHost({"0", "0"}, "").observe().unlisted.size() == 4);
}

TEST_CASE("an idle GPU with types needs no table") {
  const VfHost host({"0", "0"}, "1150  : NVIDIA L40S-4Q\\n", "no XML");
  const Parent parent = host.observe();
  CHECK(parent.unlisted.empty());
  CHECK(parent.table_problem.empty());
  CHECK(parent.types.size() == 1);
}

TEST_CASE("a missing or invalid table changes nothing but the problem that is reported") {
  const std::string file =
      "cannot use NVIDIA's table of vGPU types '/usr/share/nvidia/vgpu/vgpuConfig.xml': ";
  SECTION("missing") {
    const Parent parent = VfHost({"1156", "0"}, "", "").observe();
    CHECK(parent.table_problem.empty());
    CHECK_FALSE(parent.types.at(0).name);
  }
  SECTION("invalid") {
    const Parent parent = VfHost({"1156", "0"}, "", "<vgpuconfig>").observe();
    CHECK(parent.table_problem.find(file + "line 1: no element found") == 0);
    CHECK(parent.types.size() == 1);
    CHECK(parent.unlisted.empty());
  }
  SECTION("huge") {
    const VfHost host({"1156", "0"}, "", table_xml(""));
    std::filesystem::resize_file(host.path_of_table(), VgpuTable::largest + 1);
    CHECK(host.observe().table_problem == file + "larger than 32 MiB");
  }
  SECTION("a directory") {
    const VfHost host({"1156", "0"}, "", "");
    std::filesystem::create_directories(host.path_of_table());
    CHECK(host.observe().table_problem == file + "not a regular file");
  }
  SECTION("a FIFO is not opened") {
    const VfHost host({"1156", "0"}, "", table_xml(""));
    std::filesystem::remove(host.path_of_table());
    REQUIRE(::mkfifo(host.path_of_table().c_str(), 0600) == 0);
    CHECK(host.observe().table_problem == file + "not a regular file");
  }
}

TEST_CASE("a type that the table has is refused by size or by room or until functions are enabled") {
  const auto refusal = [](const std::vector<std::string>& functions, const std::string& creatable,
                          const std::string& type) {
    const VfHost host(functions, creatable);
    const sys::Dir root = *sys::Dir::open(host.str());
    const Snapshot seen = Host(root).observe({Facet::types | Facet::type_name | Facet::devices, {}, {}});
    REQUIRE(seen.parents.size() == 1);
    return not_offered(seen, seen.parents[0], *TypeName::parse(type), "cannot start");
  };
  const auto text = [](const Error& error) { return std::string(error.what()); };
  const Error other_size = refusal({"1156", "0"}, "", "L40S-4Q");
  CHECK(other_size.code() == ExitCode::no_capacity);
  CHECK(text(other_size).ends_with(": vGPUs use 48G of the 48G of framebuffer"));
  CHECK(text(refusal({"1156", "0"}, "", "1150")) == text(other_size));
  CHECK(other_size.hints().at(0).starts_with("stop a device that is not needed"));
  const Error full = refusal({"1200", "0"}, "", "L40S-2-24C");
  CHECK(full.code() == ExitCode::no_capacity);
  CHECK(text(full) ==
        "cannot start: no available instances of 1201 on 0000:41:00.0: no GPU instance (MIG) of 2 slices "
        "exists");
  const Error unknown = refusal({"1156", "0"}, "", "1999");
  CHECK(unknown.code() == ExitCode::not_found);
  CHECK(text(unknown) == "cannot start: 0000:41:00.0 has no type '1999'");
  CHECK(text(refusal({}, "", "L40S-5Q")) == "cannot start: 0000:41:00.0 has no type 'L40S-5Q'");
  const Error disabled = refusal({}, "", "L40S-4Q");
  CHECK(disabled.code() == ExitCode::no_capacity);
  CHECK(text(disabled) ==
        "cannot start: no available instances of type L40S-4Q on 0000:41:00.0: virtual functions are "
        "not enabled");
  CHECK(disabled.hints().at(0).find("SR-IOV virtual functions are not enabled") == 0);
}
