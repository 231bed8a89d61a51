// Virtual functions (VFs) of GPUs: their addresses, and devices on them, with and without mdev.
#include <mdevadm/host/host.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string gpu = "0000:41:00.0";

struct GpuHost : test::TempDir {
  explicit GpuHost(const std::string& name = gpu) {
    lay("sys/bus/pci/drivers/nvidia/" + name + " -> ../../../../devices/pci/" + name + "\n" +
        "sys/bus/pci/devices/" + name + " -> ../../../devices/pci/" + name + "\n");
    lay("sys/devices/pci/" + name + "/vendor = 0x10de\\n\nsys/devices/pci/" + name +
        "/driver -> ../../../bus/pci/drivers/nvidia\n");
  }

  sys::Dir root = *sys::Dir::open(str());
  Host host{root};

  void lay(const std::string& text) const { test::lay_tree(text, path()); }

  // Returns the directory of a VF of the GPU.
  std::string add_function(int number) const {
    const std::string vf = "0000:41:00." + std::to_string(number + 4);
    lay("sys/devices/pci/" + gpu + "/virtfn" + std::to_string(number) + " -> ../" + vf +
        "\nsys/devices/pci/" + vf + "/physfn -> ../" + gpu + "\nsys/bus/pci/devices/" + vf +
        " -> ../../../devices/pci/" + vf + "\n");
    return "sys/devices/pci/" + vf + "/";
  }

  // A VF that the kernel lists as a parent with two types, of one of which a device can be created.
  void add_parent(int number, int available, const std::string& device = {}) const {
    const std::string directory = add_function(number);
    const std::string vf = "0000:41:00." + std::to_string(number + 4);
    lay("sys/class/mdev_bus/" + vf + " -> ../../devices/pci/" + vf + "\n");
    for (const auto& [type, left] : {std::pair("nvidia-1", available), std::pair("nvidia-2", 0)}) {
      const std::string types = directory + "mdev_supported_types/" + type;
      lay(types + "/available_instances = " + std::to_string(left) + "\\n\n" + types + "/name = GRID " +
          type + "\\n\n" + types + "/device_api = vfio-pci\\n\n" + types + "/create = \n");
    }
    if (!device.empty()) {
      lay(directory + device + "/mdev_type -> ../mdev_supported_types/nvidia-1\n");
    }
  }

  Parent observe_gpu() const {
    const Snapshot seen = host.observe({Facet::types | Facet::type_name | Facet::available, {}, {}});
    REQUIRE(seen.parents.size() == 1);
    return seen.parents[0];
  }

  std::vector<std::string> possible(const std::string& name, const std::string& numbers) const {
    lay(numbers);
    return host.observe_parent(*ParentName::parse(name)).addresses;
  }
};

constexpr const char* one = "00000000-0000-4000-8000-000000000001";

}  // namespace

TEST_CASE("the addresses of virtual functions follow from that of the parent, offset and stride") {
  const std::string name = "0000:41:1f.7";
  const std::string directory = "sys/devices/pci/" + name + "/";
  const GpuHost tree(name);
  const std::string total = directory + "sriov_totalvfs = 3\\n\n";
  CHECK(tree.possible(name, total).empty());
  CHECK(tree.possible(name, directory + "sriov_offset = 2\\n\n").empty());
  CHECK(tree.possible(name, directory + "sriov_stride = 8\\n\n") ==
        std::vector<std::string>{"0000:42:00.1", "0000:42:01.1", "0000:42:02.1"});
  CHECK(tree.possible(name, directory + "sriov_stride = 0\\n\n" + directory + "sriov_totalvfs = 1\\n\n") ==
        std::vector<std::string>{"0000:42:00.1"});
  CHECK(tree.possible(name, directory + "sriov_totalvfs = 65536\\n\n").empty());
}

TEST_CASE("a device on a virtual function has the node of the function") {
  const GpuHost tree;
  const std::string directory = tree.add_function(0);
  tree.lay("sys/devices/pci/" + gpu + "/sriov_totalvfs = 4\\n\n" + directory +
           "nvidia/current_vgpu_type = 1150\\n\n" + directory + "nvidia/creatable_vgpu_types = \n" +
           directory + "iommu_group -> ../../../kernel/iommu_groups/7\ndev/vfio/7 = \n");
  const Snapshot seen = tree.host.observe({Facet::devices | Facet::iommu_group | Facet::nodes, {}, {}});
  REQUIRE(seen.devices.size() == 1);
  CHECK(seen.devices[0].vf == "0000:41:00.4");
  CHECK(seen.devices[0].iommu_group == 7U);
  REQUIRE(seen.devices[0].nodes.size() == 1);
  CHECK(seen.devices[0].nodes[0].path == "/dev/vfio/7");
  CHECK(tree.host.observe({Facet::devices | Facet::iommu_group, {}, {}}).devices[0].nodes.empty());
}

TEST_CASE("a GPU whose virtual functions are parents offers what its first free function offers") {
  const GpuHost tree;
  tree.add_parent(0, 0, one);
  tree.add_parent(1, 1);
  tree.add_parent(2, 1);
  const Parent parent = tree.observe_gpu();
  CHECK(parent.name.str() == gpu);
  CHECK(parent.interface == "mdev-vf");
  CHECK(parent.notice.empty());
  REQUIRE(parent.types.size() == 2);
  CHECK(parent.find_type("nvidia-1")->available == 2U);
  CHECK(parent.find_type("nvidia-2")->available == 0U);
  REQUIRE(parent.functions.size() == 3);
  CHECK(parent.functions[0].type->str() == "nvidia-1");
  CHECK(parent.functions[0].creatable.empty());
  for (const std::size_t i : {1U, 2U}) {
    CHECK_FALSE(parent.functions[i].type);
    REQUIRE(parent.functions[i].creatable.size() == 1);
    CHECK(parent.functions[i].creatable[0].id.str() == "nvidia-1");
  }
}

TEST_CASE("a GPU whose virtual functions offer nothing has a notice only if none has a device") {
  const GpuHost idle;
  idle.add_parent(0, 0);
  idle.add_parent(1, 0);
  CHECK_THAT(idle.observe_gpu().notice, ContainsSubstring("no types available"));
  const GpuHost full;
  full.add_parent(0, 0, one);
  full.add_parent(1, 0);
  CHECK(full.observe_gpu().notice.empty());
  const GpuHost some;  // one of two types
  some.add_parent(0, 1);
  CHECK(some.observe_gpu().notice.empty());
}

TEST_CASE("a device whose type is not shown has an unknown type, and its virtual function takes no other") {
  const GpuHost tree;
  tree.add_parent(0, 1);
  tree.lay("sys/devices/pci/0000:41:00.4/" + std::string(one) + "/\n");
  tree.add_parent(1, 1);
  const Parent parent = tree.observe_gpu();
  CHECK(parent.functions[0].type->str() == "unknown");
  CHECK(parent.functions[0].creatable.empty());
  CHECK(parent.functions[1].creatable.size() == 1);
}

TEST_CASE("a type is assigned to a free virtual function that accepts it") {
  const GpuHost tree;
  const std::string directory = tree.add_function(0);
  const auto lay = [&](const std::string& current) {
    tree.lay("sys/devices/pci/" + gpu + "/sriov_totalvfs = 4\\n\n" + directory +
             "nvidia/current_vgpu_type = " + current + "\n" + directory +
             "nvidia/creatable_vgpu_types = ID : vGPU Name\\n1150 : L40S-4Q\\n\n");
  };
  const auto refusal = [&](const char* type, const char* vf = "0000:41:00.4") {
    Creation creation{
        .uuid = *Uuid::parse(one), .parent = *ParentName::parse(gpu), .type = *TypeName::parse(type)};
    creation.vf = vf;
    try {
      tree.host.create(creation);
    } catch (const Error& error) {
      return error;
    }
    return Error(ExitCode::done, "");
  };
  lay("0\\n");
  CHECK(refusal("1150").code() == ExitCode::done);
  CHECK(test::read_text(tree.path() / (directory + "nvidia/current_vgpu_type")) == "1150\n");
  const Error taken = refusal("1150");
  CHECK(taken.code() == ExitCode::conflict);
  CHECK_THAT(taken.what(),
             ContainsSubstring("virtual function 0000:41:00.4 was taken by another process (type 1150)"));
  lay("0\\n");
  CHECK(refusal("1151").code() == ExitCode::no_capacity);
  CHECK(test::read_text(tree.path() / (directory + "nvidia/current_vgpu_type")) == "0\n");
  CHECK(refusal("1150", "0000:41:00.5").code() == ExitCode::not_found);
}

TEST_CASE("the notice of a GPU says why it offers no types, or fewer than it could") {
  // Of each VF the type, "0" for none and empty for one without interface, and the types that it accepts.
  const auto notice = [](const std::vector<std::pair<std::string, std::string>>& functions) {
    const GpuHost tree;
    tree.lay("sys/devices/pci/" + gpu + "/sriov_totalvfs = 8\\n\n");
    int number = 0;
    for (const auto& [current, creatable] : functions) {
      const std::string directory = tree.add_function(number++);
      tree.lay(current.empty() ? directory + "vendor = 0x10de\\n\n"
                               : directory + "nvidia/current_vgpu_type = " + current + "\\n\n" + directory +
                                     "nvidia/creatable_vgpu_types = ID : vGPU Name\\n" + creatable + "\n");
    }
    return tree.observe_gpu().notice;
  };
  const std::string small = "1 : NVIDIA L40S-4Q\\n", large = "2 : NVIDIA L40S-8Q\\n";
  const std::string instance = "3 : NVIDIA H100-1-10C\\n";
  CHECK(notice({}) == "SR-IOV virtual functions are not enabled");
  CHECK(notice({{"0", small + large}, {"0", small + large}}).empty());
  CHECK_THAT(notice({{"0", ""}, {"0", ""}}), ContainsSubstring("no types available"));
  CHECK_THAT(notice({{"", ""}, {"0", small}}), ContainsSubstring("0000:41:00.4"));
  CHECK(notice({{"1", ""}, {"0", ""}}) == "the GPU accepts no more vGPUs beside its active ones");
  CHECK_THAT(notice({{"1", ""}, {"0", small}}),
             ContainsSubstring("active vGPUs restrict the available types"));
  CHECK(notice({{"3", ""}, {"0", instance}}).empty());
}
