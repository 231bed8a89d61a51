#include "../../../src/run/monitor_files.hpp"

#include <filesystem>
#include <fstream>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
namespace fs = std::filesystem;

namespace {

struct Watching : test::TempDir {
  MonitorFiles files{str()};

  fs::path at(const std::string& name) const { return path() / name; }
  void make(const std::string& directory) const { fs::create_directories(at(directory)); }
};

}  // namespace

TEST_CASE("a new file of the store is read when it is closed, and a link at once") {
  Watching host;
  host.make("etc/mdevadm/devices/mtty");
  test::write_text(host.at("elsewhere/file"), "text");
  host.files.watch_store();
  {
    std::ofstream writer(host.at("etc/mdevadm/devices/mtty/1.toml"));
    CHECK_FALSE(host.files.read().store);
  }
  CHECK(host.files.read().store);
  fs::create_symlink(host.at("elsewhere/file"), host.at("etc/mdevadm/devices/mtty/2.toml"));
  CHECK(host.files.read().store);
  fs::create_hard_link(host.at("elsewhere/file"), host.at("etc/mdevadm/devices/mtty/3.toml"));
  CHECK(host.files.read().store);
  fs::remove(host.at("etc/mdevadm/devices/mtty/2.toml"));
  CHECK(host.files.read().store);
  CHECK_FALSE(host.files.read().store);
}

TEST_CASE("definitions in a directory behind a link are watched") {
  Watching host;
  host.make("etc/mdevadm/devices");
  host.make("elsewhere");
  host.files.watch_store();
  fs::create_symlink(host.at("elsewhere"), host.at("etc/mdevadm/devices/mtty"));
  CHECK(host.files.read().store);
  host.files.watch_store();
  test::write_text(host.at("elsewhere/1.toml"), "text");
  CHECK(host.files.read().store);
}

TEST_CASE("directories of the store are watched when they appear") {
  Watching host;
  host.make("etc");
  host.files.watch_store();
  host.make("etc/other");
  CHECK_FALSE(host.files.read().store);
  for (const char* directory : {"etc/mdevctl.d", "etc/mdevctl.d/mtty", "etc/mdevadm", "etc/mdevadm/groups"}) {
    host.make(directory);
    CHECK(host.files.read().store);
    host.files.watch_store();
  }
  test::write_text(host.at("etc/mdevadm/groups/vm1.toml"), "text");
  CHECK(host.files.read().store);
}

TEST_CASE("types of virtual functions that exist no more are not watched") {
  Watching host;
  const auto type_of = [&](const std::string& function) {
    return host.at("sys/bus/pci/devices/" + function + "/nvidia/current_vgpu_type");
  };
  test::write_text(type_of("0000:41:00.4"), "0");
  test::write_text(type_of("0000:41:00.5"), "0");
  host.files.watch_types({"0000:41:00.4", "0000:41:00.5"});
  test::write_text(type_of("0000:41:00.5"), "1");
  CHECK(host.files.read().devices);
  host.files.watch_types({"0000:41:00.4"});
  host.files.read();
  test::write_text(type_of("0000:41:00.5"), "2");
  CHECK_FALSE(host.files.read().devices);
  test::write_text(type_of("0000:41:00.4"), "2");
  CHECK(host.files.read().devices);
}

TEST_CASE("virtual machines of libvirt are watched when its directories appear") {
  Watching host;
  host.make("run");
  for (int i = 0; i < 2; ++i) {
    host.files.watch_machines();
    for (const char* directory : {"run/libvirt", "run/libvirt/qemu"}) {
      host.make(directory);
      CHECK(host.files.read().machines);
      host.files.watch_machines();
    }
    test::write_text(host.at("run/libvirt/qemu/vm1.xml"), "text");
    CHECK(host.files.read().use);
    fs::remove_all(host.at("run/libvirt"));
    CHECK(host.files.read().machines);
  }
}

TEST_CASE("a node is watched for users, however often that is asked for, and a new node in its place") {
  Watching host;
  test::write_text(host.at("dev/vfio/1"), "");
  test::write_text(host.at("dev/vfio/2"), "");
  const auto use = [&](const char* node) {
    std::ignore = test::read_text(host.at(node));
    return host.files.read().use;
  };
  CHECK_FALSE(use("dev/vfio/1"));
  for (int i = 0; i < 2; ++i) {
    host.files.watch_node("/dev/vfio/1");
    host.files.watch_node("/dev/vfio/2");
    CHECK(use("dev/vfio/1"));
    CHECK(use("dev/vfio/2"));
    CHECK(host.files.watches_node("/dev/vfio/1"));
    CHECK_FALSE(host.files.read().use);
  }
  host.files.watch_node("/dev/vfio/3");
  CHECK_FALSE(host.files.watches_node("/dev/vfio/3"));
  fs::rename(host.at("dev/vfio/1"), host.at("dev/vfio/old"));
  test::write_text(host.at("dev/vfio/1"), "");
  host.files.watch_node("/dev/vfio/1");
  std::ignore = host.files.read();  // that the old one is not watched any longer
  CHECK(use("dev/vfio/1"));
  CHECK_FALSE(use("dev/vfio/old"));
  CHECK(host.files.watches_node("/dev/vfio/1"));
}

TEST_CASE("nodes of devices that exist no more are not watched") {
  Watching host;
  std::map<std::string, WatchedDevice> devices;
  for (const char* number : {"1", "2"}) {
    test::write_text(host.at("dev/vfio") / number, "");
    const std::string node = std::string("/dev/vfio/") + number;
    host.files.watch_node(node);
    devices.insert({std::string("sys/") + number,
                    {.uuid = Uuid::random(), .parent = *ParentName::parse("mtty"), .nodes = {node}}});
  }
  host.files.keep_nodes(devices);
  CHECK(host.files.watches_node("/dev/vfio/2"));
  devices.erase("sys/2");
  host.files.keep_nodes(devices);
  std::ignore = host.files.read();
  CHECK(host.files.watches_node("/dev/vfio/1"));
  CHECK_FALSE(host.files.watches_node("/dev/vfio/2"));
  std::ignore = test::read_text(host.at("dev/vfio/2"));
  CHECK_FALSE(host.files.read().use);
  std::ignore = test::read_text(host.at("dev/vfio/1"));
  CHECK(host.files.read().use);
  fs::remove(host.at("dev/vfio/1"));
  CHECK(host.files.read().use);
  CHECK_FALSE(host.files.watches_node("/dev/vfio/1"));
}
