#include <mdevadm/host/host.hpp>
#include <mdevadm/util/error.hpp>
#include <thread>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr Facet everything = device_facets | parent_facets;

}  // namespace

TEST_CASE("observe returns parents and types and devices of the kernel's sample drivers") {
  const test::Host tree("samples");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Snapshot seen = Host(root).observe({everything, {}, {}});
  CHECK(seen.mdev_support);
  CHECK(seen.parent_names() == std::vector<std::string>{"mbochs", "mdpy", "mtty"});
  const Type* type = seen.find_parent("mtty")->find_type("mtty-1");
  REQUIRE(type != nullptr);
  CHECK(type->available == 21U);
  CHECK(type->name == "Single port serial");
  CHECK(type->device_api == "vfio-pci");
  CHECK_FALSE(type->description);
  REQUIRE(seen.devices.size() == 3);
  const Device* device = seen.find_device(*Uuid::parse("00000000-0000-4000-8000-000000000002"));
  REQUIRE(device != nullptr);
  CHECK(device->parent.str() == "mtty");
  CHECK(device->type->str() == "mtty-2");
  CHECK(device->path == "sys/devices/virtual/mtty/mtty/00000000-0000-4000-8000-000000000002");
  CHECK(*device->driver == "mtty");
  CHECK(device->iommu_group == 1U);
  REQUIRE(device->nodes.size() == 1);
  CHECK(device->nodes[0].path == "/dev/vfio/1");
  CHECK(device->find_node(Node::Kind::cdev) == nullptr);
}

TEST_CASE("observe returns only the requested facets and parents and devices") {
  const test::Host tree("samples");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Host host(root);
  const Snapshot names = host.observe({Facet::parents, {}, {}});
  CHECK(names.parents.size() == 3);
  CHECK(names.parents[0].types.empty());
  CHECK(names.devices.empty());
  const Snapshot detail =
      host.observe({Facet::types | Facet::available, std::vector{*ParentName::parse("mtty")}, {}});
  CHECK(detail.parents.size() == 3);
  CHECK(detail.find_parent("mdpy")->types.empty());
  REQUIRE(detail.find_parent("mtty")->types.size() == 2);
  CHECK(detail.find_parent("mtty")->types[0].available);
  CHECK_FALSE(detail.find_parent("mtty")->types[0].name);
  const Uuid one = *Uuid::parse("00000000-0000-4000-8000-000000000002");
  const Snapshot single = host.observe({Facet::devices, {}, std::vector{one, Uuid::random()}});
  REQUIRE(single.devices.size() == 1);
  CHECK(single.devices[0].uuid == one);
  CHECK_FALSE(single.devices[0].iommu_group);
}

TEST_CASE("PCI parents have address and driver and PCI ID and their types are in natural order") {
  const test::Host tree("nvidia");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Snapshot seen = Host(root).observe({everything, {}, {}});
  const Parent* parent = seen.find_parent("0000:86:00.0");
  REQUIRE(parent != nullptr);
  CHECK(parent->driver == "nvidia");
  CHECK(parent->pci_id == "10de:13f2");
  CHECK(parent->interface == "upstream");
  CHECK(parent->types.front().id.str() == "nvidia-11");
  CHECK(parent->find_type("nvidia-18")->available == 0U);
  CHECK(parent->find_type("nvidia-17")->properties.size() == 6);
  CHECK(seen.devices.at(0).parent.str() == "0000:86:00.0");
}

TEST_CASE("a type without a name and a type with a multi-line description are read") {
  const test::Host tree("i915");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Snapshot seen = Host(root).observe({everything, {}, {}});
  const Type* type = seen.find_parent("0000:00:02.0")->find_type("i915-GVTg_V5_4");
  REQUIRE(type != nullptr);
  CHECK_FALSE(type->name);
  CHECK(type->description ==
        "low_gm_size: 128MB\nhigh_gm_size: 512MB\nfence: 4\nresolution: 1920x1200\nweight: 4");
  CHECK(type->properties.size() == 5);
}

TEST_CASE("observe of a host without the mdev core returns an empty snapshot") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Snapshot seen = Host(root).observe({everything, {}, {}});
  CHECK_FALSE(seen.mdev_support);
  CHECK(seen.parents.empty());
  CHECK(seen.devices.empty());
}

TEST_CASE("invalid sysfs entries do not hide the valid ones") {
  const test::Host tree("samples");
  const auto bus = tree.path() / "sys/bus/mdev/devices";
  std::filesystem::create_symlink("../nowhere/00000000-0000-4000-8000-00000000000f",
                                  bus / "00000000-0000-4000-8000-00000000000f");
  std::filesystem::create_symlink("../nowhere/x", bus / "not-a-uuid");
  test::write_text(
      tree.path() / "sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1/available_instances",
      "many\n");
  std::filesystem::remove(tree.path() /
                          "sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-2/device_api");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Snapshot seen = Host(root).observe({everything, {}, {}});
  CHECK(seen.devices.size() == 4);
  CHECK_FALSE(seen.find_device(*Uuid::parse("00000000-0000-4000-8000-00000000000f"))->type);
  CHECK_FALSE(seen.find_parent("mtty")->find_type("mtty-1")->available);
  CHECK_FALSE(seen.find_parent("mtty")->find_type("mtty-2")->device_api);
}

TEST_CASE("effects on missing parents and types and attributes and devices throw Error") {
  const test::Host tree("samples");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Host host(root);
  const auto code = [](auto&& action) {
    try {
      action();
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::done;
  };
  CHECK(code([&] {
          host.create({Uuid::random(), *ParentName::parse("nope"), *TypeName::parse("x")});
        }) == ExitCode::not_found);
  CHECK(code([&] {
          host.create({Uuid::random(), *ParentName::parse("mtty"), *TypeName::parse("x")});
        }) == ExitCode::not_found);
  const Device device{.uuid = *Uuid::parse("00000000-0000-4000-8000-000000000002"),
                      .parent = *ParentName::parse("mtty"),
                      .path = "sys/devices/virtual/mtty/mtty/00000000-0000-4000-8000-000000000002"};
  CHECK(code([&] {
          host.write_attribute(device, {*AttributeName::parse("nosuch"), "1"});
        }) == ExitCode::not_found);
  const Device gone{.uuid = Uuid::random(),
                    .parent = *ParentName::parse("mtty"),
                    .path = "sys/devices/virtual/mtty/mtty/gone"};
  CHECK(code([&] { host.wait_for_device(gone, std::chrono::milliseconds(20)); }) == ExitCode::failed);
  test::write_text(tree.path() / "dev/vfio/1", "");
  CHECK(code([&] { host.wait_for_device(device, std::chrono::milliseconds(20)); }) == ExitCode::done);
  std::filesystem::remove(tree.path() / "dev/vfio/1");
  CHECK(code([&] { host.wait_for_device(device, std::chrono::milliseconds(20)); }) == ExitCode::failed);
}

TEST_CASE("removing a device that no longer exists succeeds") {
  const test::Host tree("samples");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Device gone{.uuid = Uuid::random(),
                    .parent = *ParentName::parse("mtty"),
                    .path = "sys/devices/virtual/mtty/mtty/gone"};
  CHECK(Host(root).remove(gone, std::chrono::milliseconds(100)) == Removal::done);
}

TEST_CASE("remove is pending until the device directory has disappeared") {
  const test::Host tree("samples");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Snapshot seen = Host(root).observe({Facet::devices, {}, {}});
  CHECK(Host(root).remove(seen.devices.at(0), std::chrono::milliseconds(50)) == Removal::pending);
  // A child process writes, when it gets a processor.
  const auto file = tree.path() / seen.devices.at(0).path.str() / "remove";
  for (int i = 0; i < 1000 && test::read_text(file).empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(test::read_text(file) == "1\n");
}

TEST_CASE(
    "GPUs are found among other PCI devices, without their virtual functions, in the order of addresses") {
  const test::TempDir tree;
  const auto device = [&](const std::string& address, const std::string& vendor, const std::string& kind) {
    const auto directory = tree.path() / "sys/bus/pci/devices" / address;
    test::write_text(directory / "vendor", vendor + "\n");
    test::write_text(directory / "class", kind + "\n");
    test::write_text(directory / "device", "0x26b9\n");
  };
  for (const int slot : {1, 2, 3, 4}) {
    const std::string address = "0000:0" + std::to_string(slot) + ":00.";
    device(address + "0", "0x10de", "0x030200");
    device(address + "1", "0x10de", "0x040300");  // the audio function of a graphics card
    device(address + "2", "0x8086", "0x030000");
    device(address + "4", "0x10de", "0x030200");
    test::write_text(tree.path() / "sys/bus/pci/devices" / (address + "4") / "physfn/vendor", "0x10de\n");
  }
  const sys::Dir root = *sys::Dir::open(tree.str());
  std::vector<std::string> found;
  for (const GpuFunction& gpu : Host(root).observe({Facet::gpus | Facet::types, {}, {}}).gpus) {
    found.push_back(gpu.address);
  }
  CHECK(found == std::vector<std::string>{"0000:01:00.0", "0000:02:00.0", "0000:03:00.0", "0000:04:00.0"});
}

TEST_CASE("requested devices are found under other names of the kernel and sorted with the others") {
  const test::Host tree("samples");
  for (const char* name :
       {"00000000-0000-4000-8000-00000000000a-0", "00000000-0000-4000-8000-00000000000a-1"}) {
    const std::string directory = std::string("devices/virtual/mbochs/mbochs/") + name;
    test::lay_tree("sys/" + directory + "/mdev_type -> ../mdev_supported_types/mbochs-small\n" +
                       "sys/bus/mdev/devices/" + name + " -> ../../../" + directory + "\n",
                   tree.path());
  }
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Uuid plain = *Uuid::parse("00000000-0000-4000-8000-000000000002");
  const Uuid first = *Uuid::parse("00000000-0000-4000-8000-00000000000a");
  const Uuid second = Uuid::of_name("00000000-0000-4000-8000-00000000000a-1");
  const Snapshot seen = Host(root).observe({Facet::devices, {}, std::vector{plain, second, first}});
  REQUIRE(seen.devices.size() == 3);
  CHECK(seen.devices[2].uuid == plain);  // its parent is the last one
  const Device* numbered = seen.find_device(second);
  REQUIRE(numbered != nullptr);
  CHECK(numbered->kernel_name() == "00000000-0000-4000-8000-00000000000a-1");
  CHECK(numbered->parent.str() == "mbochs");
  CHECK(numbered->type->str() == "mbochs-small");
  CHECK(seen.find_device(first)->kernel_name() == "00000000-0000-4000-8000-00000000000a-0");
}

TEST_CASE("a new device is complete with its type and one of both kinds of nodes") {
  const test::Host tree("samples");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Device device{.uuid = *Uuid::parse("00000000-0000-4000-8000-000000000002"),
                      .parent = *ParentName::parse("mtty"),
                      .path = "sys/devices/virtual/mtty/mtty/00000000-0000-4000-8000-000000000002"};
  const auto directory = tree.path() / device.path.str();
  const auto missing = [&] {
    try {
      Host(root).wait_for_device(device, std::chrono::milliseconds(20));
      return std::string("nothing");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  CHECK(missing() == "nothing");
  std::filesystem::rename(directory / "vfio-dev", tree.path() / "vfio-dev");
  CHECK(missing() == "nothing");
  std::filesystem::remove(directory / "iommu_group");
  CHECK_THAT(missing(), ContainsSubstring("its IOMMU group"));
  std::filesystem::rename(tree.path() / "vfio-dev", directory / "vfio-dev");
  CHECK_THAT(missing(), ContainsSubstring("/dev/vfio/devices/vfio1"));
  test::write_text(tree.path() / "dev/vfio/devices/vfio1", "");
  CHECK(missing() == "nothing");
  std::filesystem::remove(directory / "mdev_type");
  CHECK_THAT(missing(), ContainsSubstring("its type"));
}
