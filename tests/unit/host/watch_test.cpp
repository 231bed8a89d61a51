#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <mdevadm/host/host.hpp>
#include <mdevadm/sys/unique_fd.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
namespace fs = std::filesystem;

TEST_CASE("a device is not taken for removed if the process lacks descriptors") {
  const test::TempDir temp;
  const std::string path = "sys/mtty/00000000-0000-4000-8000-000000000001";
  const sys::Dir root = *sys::Dir::open(temp.str());
  CHECK_FALSE(Host(root).device_at(path));
  fs::create_directories(temp.path() / path);
  CHECK(Host(root).device_at(path));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{.rlim_cur = 1, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  CHECK_THROWS_AS(Host(root).device_at(path), Error);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("the group nodes of all devices count as nodes that a process has open") {
  const test::TempDir temp;
  fs::create_directories(temp.path() / "dev/vfio/devices");
  fs::create_symlink("/dev/full", temp.path() / "dev/vfio/8");
  fs::create_symlink("/dev/zero", temp.path() / "dev/vfio/vfio");
  const fs::path members = temp.path() / "sys/kernel/iommu_groups/8/devices";
  for (const auto& [name, driver] :
       {std::pair("adapter", "vfio-pci"), std::pair("other", "vfio-pci"), std::pair("bridge", "pcieport")}) {
    fs::create_directories(members / name);
    fs::create_symlink(std::string("../drivers/") + driver, members / name / "driver");
  }
  fs::create_directories(members / "without-driver");
  const sys::UniqueFd group(::open("/dev/full", O_RDONLY | O_CLOEXEC));
  const sys::UniqueFd container(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  REQUIRE(group);
  REQUIRE(container);
  const sys::Dir root = *sys::Dir::open(temp.str());
  const WatchedDevice device{.uuid = *Uuid::parse("00000000-0000-4000-8000-000000000001"),
                             .parent = *ParentName::parse("mtty"),
                             .nodes = {"/dev/vfio/1"}};
  DeviceUse use = Host(root).find_use({{"sys/mtty/1", device}});
  CHECK(use.by_node.empty());
  CHECK(use.devices_with_node[::getpid()] == 2);
  fs::remove_all(temp.path() / "sys");
  use = Host(root).find_use({{"sys/mtty/1", device}});
  CHECK(use.devices_with_node[::getpid()] == 1);
}
