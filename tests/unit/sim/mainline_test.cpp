// The three versions of the mainline mdev interface and extensions proposed for it.
#include <fmt/format.h>

#include <algorithm>

#include "catch.hpp"
#include "simulated.hpp"

using namespace mdevadm;
using Host = test::Simulated;

namespace {

const std::string a = "aaaaaaaa-0000-4000-8000-000000000001";
const std::string b = "aaaaaaaa-0000-4000-8000-000000000002";
const std::string c = "aaaaaaaa-0000-4000-8000-000000000003";
const std::string devices = "bus/mdev/devices/";
const std::string mtty = "class/mdev_bus/mtty/mdev_supported_types/";
const std::string m60 = "class/mdev_bus/0000:86:00.0/mdev_supported_types/nvidia-";
const std::string gvt = "class/mdev_bus/0000:00:02.0/mdev_supported_types/i915-GVTg_V5_";

std::string left(Host& host, const std::string& type) {
  return host.read(type + "/available_instances");
}

}  // namespace

TEST_CASE("create accepts 36 or 37 bytes that begin with a UUID and checks errors in kernel order") {
  Host host("samples");
  const std::string create = mtty + "mtty-1/create";
  CHECK(host.write(create, a) == 36);
  CHECK(host.write(create, a) == -EEXIST);
  CHECK(host.write(mtty + "mtty-2/create", a) == -EEXIST);
  CHECK(host.write("class/mdev_bus/mdpy/mdev_supported_types/mdpy-hd/create", a + "\n") == -EEXIST);
  CHECK(host.write(create, b.substr(1)) == -EINVAL);
  CHECK(host.write(create, b + "\n\n") == -EINVAL);
  CHECK(host.write(create, "x" + b.substr(1)) == -EINVAL);
  CHECK(host.write(create, b + "x") == 37);
  CHECK(host.has(devices + b));
  std::string upper = c;
  for (char& letter : upper) {
    letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  CHECK(host.write(create, upper) == 36);
  CHECK(host.has(devices + c));
  CHECK(left(host, mtty + "mtty-1") == "21\n");
  CHECK(left(host, mtty + "mtty-2") == "10\n");
}

TEST_CASE("create without available instances returns the errno of the driver or of the mdev core") {
  Host host("samples");
  for (int i = 0; i < 12; ++i) {
    CHECK(host.write(mtty + "mtty-2/create", fmt::format("bbbbbbbb-0000-4000-8000-{:012}", i)) == 36);
  }
  CHECK(host.write(mtty + "mtty-1/create", a) == -ENOSPC);
  const std::string mdpy = "class/mdev_bus/mdpy/mdev_supported_types/mdpy-";
  for (int i = 0; i < 4; ++i) {
    CHECK(host.write(mdpy + "xga/create", fmt::format("cccccccc-0000-4000-8000-{:012}", i)) == 36);
  }
  CHECK(host.write(mdpy + "hd/create", a) == -EUSERS);
  CHECK(left(host, mdpy + "vga") == "0\n");
}

TEST_CASE("a device has the files and links of kernel 6.1 and remove deletes all of them") {
  Host host("samples");
  host.write(mtty + "mtty-2/create", a);
  CHECK(host.target(devices + a) == "../../../devices/virtual/mtty/mtty/" + a);
  CHECK(host.target(devices + a + "/mdev_type") == "../mdev_supported_types/mtty-2");
  CHECK(host.target(devices + a + "/driver") == "../../../../../bus/mdev/drivers/mtty");
  CHECK(host.target(devices + a + "/iommu_group") == "../../../../../kernel/iommu_groups/0");
  CHECK(host.target(mtty + "mtty-2/devices/" + a) == "../../../" + a);
  CHECK(host.read("kernel/iommu_groups/0/name") == "vfio-noiommu\n");
  CHECK(host.read(devices + a + "/vendor/sample_mdev_dev") == "This is MDEV " + a + "\n");
  CHECK(host.has(devices + a + "/vfio-dev/vfio0"));
  CHECK_FALSE(host.has(devices + a + "/vfio-dev/vfio0/dev"));
  CHECK(host.nodes.there == std::set<std::string>{"0"});
  CHECK(host.write(devices + a + "/remove", "x") == -EINVAL);
  CHECK(host.write(devices + a + "/remove", "0x0\n") == 4);
  CHECK(host.has(devices + a));
  CHECK(host.write(devices + a + "/remove", "2\n") == 2);
  CHECK_FALSE(host.has(devices + a));
  CHECK_FALSE(host.has("devices/virtual/mtty/mtty/" + a));
  CHECK_FALSE(host.has("bus/mdev/drivers/mtty/" + a));
  CHECK_FALSE(host.has("kernel/iommu_groups/0"));
  CHECK(host.nodes.there.empty());
  CHECK(left(host, mtty + "mtty-2") == "12\n");
}

TEST_CASE("since 5.2 remove blocks while the device is in use and UUID and instance remain in use") {
  Host host("samples");
  host.write(mtty + "mtty-1/create", a);
  CHECK(host.open(a, "vm") == 0);
  CHECK(host.open(a, "other") == EBUSY);
  CHECK(host.write(devices + a + "/remove", "1") == Host::pending);
  const auto answer = host.late;
  CHECK_FALSE(host.has(devices + a));
  CHECK_FALSE(host.has(mtty + "mtty-1/devices/" + a));
  const std::string directory = "devices/virtual/mtty/mtty/" + a;
  CHECK(host.has(directory + "/iommu_group"));
  CHECK(host.has(directory + "/vfio-dev"));
  CHECK_FALSE(host.has(directory + "/remove"));
  CHECK_FALSE(host.has(directory + "/mdev_type"));
  CHECK(left(host, mtty + "mtty-1") == "23\n");
  CHECK(host.write(mtty + "mtty-1/create", a) == -EEXIST);
  CHECK(host.write(mtty + "mtty-1/create", b) == 36);
  CHECK(host.machine.awaited_nodes() == std::vector<std::string>{"0"});
  host.close(a);
  CHECK(*answer == 1);
  CHECK_FALSE(host.has(directory));
  CHECK(host.write(mtty + "mtty-1/create", a) == 36);
}

TEST_CASE("before 5.2 remove of a device in use fails with EBUSY and the attribute is created again") {
  Host host("m60-u1");
  host.write(m60 + "17/create", a);
  CHECK_FALSE(host.has(devices + a + "/vfio-dev"));
  CHECK(host.open(a, "vm") == 0);
  CHECK(host.write(devices + a + "/remove", "1") == -EBUSY);
  CHECK(host.has(devices + a + "/remove"));
  host.close(a);
  CHECK(host.write(devices + a + "/remove", "1") == 1);
  CHECK(host.machine.events().find("MDEV_STATE") == std::string::npos);
  CHECK(host.read(m60 + "17/name") == "GRID M60-4Q\n");
}

TEST_CASE("create on a GPU limited to one type returns EINVAL for another type and ENOSPC when full") {
  Host host("m60");
  CHECK(host.write(m60 + "17/create", a) == 36);
  CHECK(left(host, m60 + "17") == "1\n");
  CHECK(left(host, m60 + "14") == "0\n");
  CHECK(host.write(m60 + "14/create", b) == -EINVAL);
  CHECK(host.write(m60 + "17/create", b) == 36);
  CHECK(host.write(m60 + "17/create", c) == -ENOSPC);
  CHECK(host.read(m60 + "17/description") ==
        "num_heads=4, frl_config=60, framebuffer=4096M, max_resolution=3840x2160, max_instance=2\n");
}

TEST_CASE("during a slow create the device is visible without mdev_type and cannot be removed") {
  Host host("samples");
  host.machine.control("delay create 100");
  CHECK(host.write(mtty + "mtty-1/create", a) == Host::pending);
  const auto answer = host.late;
  CHECK(host.has(devices + a));
  CHECK_FALSE(host.has(devices + a + "/mdev_type"));
  CHECK(host.write(mtty + "mtty-1/create", a) == -EEXIST);
  CHECK(left(host, mtty + "mtty-1") == "23\n");
  CHECK(host.write(devices + a + "/remove", "1") == -EAGAIN);
  host.wait(99);
  CHECK(*answer == Host::pending);
  host.wait(1);
  CHECK(*answer == 36);
  CHECK(host.has(devices + a + "/mdev_type"));
}

TEST_CASE("mdev_type can appear after create and a driver can fail after a delay") {
  Host host("samples");
  host.machine.control("delay mdev_type 50");
  CHECK(host.write(mtty + "mtty-1/create", a) == 36);
  CHECK_FALSE(host.has(devices + a + "/mdev_type"));
  host.wait(50);
  CHECK(host.has(devices + a + "/mdev_type"));
  host.machine.control("delay create 10");
  host.machine.control("fault create 1 EIO");
  CHECK(host.write(mtty + "mtty-1/create", b) == Host::pending);
  CHECK(host.has(devices + b));
  host.wait(10);
  CHECK(*host.late == -EIO);
  CHECK_FALSE(host.has(devices + b));
  CHECK(left(host, mtty + "mtty-1") == "23\n");
}

TEST_CASE("an injected fault applies to the named operation and occurrence") {
  Host host("samples");
  CHECK(host.machine.control("fault create 2 ENOMEM") == 0);
  CHECK(host.write(mtty + "mtty-1/create", a) == 36);
  CHECK(host.write(mtty + "mtty-1/create", b) == -ENOMEM);
  CHECK(host.write(mtty + "mtty-1/create", b) == 36);
  CHECK(host.machine.control("fault read 0 EIO available_instances") == 0);
  CHECK(left(host, mtty + "mtty-1") == "errno " + std::to_string(EIO));
  CHECK(host.read(mtty + "mtty-1/name") == "Single port serial\n");
  CHECK(host.machine.control("clear") == 0);
  CHECK(left(host, mtty + "mtty-1") == "22\n");
  CHECK(host.machine.control("fault remove 1 EAGAIN") == 0);
  CHECK(host.write(devices + a + "/remove", "1") == -EAGAIN);
  CHECK_FALSE(host.has(devices + a + "/remove"));
  for (const char* bad : {"", "fault", "fault create x EIO", "fault create 1 ENONSENSE",
                          "fault nothing 1 EIO", "delay create", "delay create -1", "hold", "sing a song"}) {
    CAPTURE(bad);
    CHECK(host.machine.control(bad) == EINVAL);
  }
  CHECK(host.machine.control("unregister nosuch") == ENODEV);
}

TEST_CASE("unregistering a parent removes its devices and waits for those in use") {
  Host host("samples");
  host.write(mtty + "mtty-1/create", a);
  host.write(mtty + "mtty-1/create", b);
  host.open(a, "vm");
  const std::string create = mtty + "mtty-1/create";
  CHECK(host.machine.control("unregister mtty") == 0);
  CHECK_FALSE(host.has("class/mdev_bus/mtty"));
  CHECK_FALSE(host.has("devices/virtual/mtty/mtty/" + b));
  CHECK(host.write("devices/virtual/mtty/mtty/mdev_supported_types/mtty-1/create", c) == -ENODEV);
  CHECK(host.machine.control("register mtty") == EBUSY);
  host.close(a);
  CHECK_FALSE(host.has("devices/virtual/mtty/mtty"));
  const std::string events = host.machine.events();
  CHECK(events.find("DEVPATH=/devices/virtual/mtty/mtty\nSUBSYSTEM=mtty\nMDEV_STATE=unregistered\n") !=
        std::string::npos);
  CHECK(host.machine.control("register mtty") == 0);
  CHECK(left(host, mtty + "mtty-1") == "24\n");
  CHECK(host.write(mtty + "mtty-1/create", a) == 36);
}

TEST_CASE("a parent can disappear during create") {
  Host host("samples");
  host.machine.control("fault create 1 vanish");
  CHECK(host.write(mtty + "mtty-1/create", a) == -ENODEV);
  CHECK_FALSE(host.has("class/mdev_bus/mtty"));
  CHECK_FALSE(host.has(devices + a));
  CHECK(host.has("class/mdev_bus/mdpy"));
}

TEST_CASE("uevents match those of a kernel message by message") {
  Host host("samples");
  const std::size_t before = host.machine.events().size();
  host.write(mtty + "mtty-1/create", a);
  const std::string directory = "/devices/virtual/mtty/mtty/" + a;
  std::string events = host.machine.events().substr(before);
  for (std::size_t at = events.find("SEQNUM="); at != std::string::npos; at = events.find("SEQNUM=", at)) {
    events.erase(at, events.find('\n', at) + 1 - at);
  }
  CHECK(events ==
        "add@" + directory + "\nACTION=add\nDEVPATH=" + directory + "\nSUBSYSTEM=mdev\n\n" +
            "add@/devices/virtual/vfio/0\nACTION=add\nDEVPATH=/devices/virtual/vfio/0\nSUBSYSTEM=vfio\n"
            "MAJOR=0\nMINOR=1\nDEVNAME=vfio/0\n\n" +
            "add@" + directory + "/vfio-dev/vfio0\nACTION=add\nDEVPATH=" + directory +
            "/vfio-dev/vfio0\nSUBSYSTEM=vfio-dev\n\n" + "bind@" + directory +
            "\nACTION=bind\nDEVPATH=" + directory + "\nSUBSYSTEM=mdev\nDRIVER=mtty\n\n");
  CHECK(host.write(devices + a + "/uevent", "change") == 6);
  CHECK(host.machine.events().find("SYNTH_UUID=0\nDRIVER=mtty\n") != std::string::npos);
  CHECK(host.write(devices + a + "/uevent", "dance") == -EINVAL);
}

TEST_CASE("a kernel with VFIO device nodes exposes their device numbers") {
  Host host("vfio-cdev");
  host.write(mtty + "mtty-1/create", a);
  CHECK(host.read(devices + a + "/vfio-dev/vfio0/dev") == "0:2\n");
  CHECK(host.nodes.there == std::set<std::string>{"0", "devices/vfio0"});
  host.nodes.open.insert("devices/vfio0");
  CHECK(host.write(devices + a + "/remove", "1") == Host::pending);
  // Since Linux 6.6 the node is removed before the device is released.
  CHECK(host.nodes.there == std::set<std::string>{"0"});
  CHECK(host.read(mtty + a + "/vfio-dev/vfio0/dev") == "absent");
  host.nodes.open.clear();
  host.wait(1);
  CHECK(*host.late == 1);
  CHECK(host.nodes.there.empty());
}

TEST_CASE("A1: aggregation follows the UUID and errors are checked in the order of the patches") {
  Host host("gvt-a1");
  CHECK(host.read(gvt + "8/aggregation") == "7\n");
  CHECK(host.read(gvt + "4/aggregation") == "absent");
  const std::string create = gvt + "8/create";
  CHECK(host.write(create, a + ",aggregate=3") == 48);
  CHECK(host.read(devices + a + "/aggregated_instances") == "3\n");
  CHECK(left(host, gvt + "8") == "4\n");
  CHECK(left(host, gvt + "4") == "3\n");
  CHECK(host.write(create, b + ",aggregate=0x2\n") == 51);
  CHECK(host.read(devices + b + "/aggregated_instances") == "2\n");
  for (const std::string bad :
       {",aggregate=", ",aggregate=x", ",aggregate= 1", ",instances=1", ",aggregate=1,x=1", ",aggregate=0",
        ",aggregate=8", ",aggregate=99999999999999999999", "\n,aggregate=1", ","}) {
    CAPTURE(bad);
    CHECK(host.write(create, c + bad) == -EINVAL);
  }
  CHECK(host.write(create, c + ",aggregate=6") == -ENOSPC);
  CHECK(host.write(create, c.substr(1) + ",aggregate=1") == -EINVAL);
  CHECK(host.write(create, std::string(4096, 'a')) == -E2BIG);
  CHECK(host.write(gvt + "4/create", a + ",aggregate=2") == -EINVAL);  // checked before EEXIST
  CHECK(host.write(gvt + "4/create", a + ",aggregate=1") == -EEXIST);
  CHECK(host.write(devices + a + "/remove", "1") == 1);
  CHECK(left(host, gvt + "8") == "5\n");
}

TEST_CASE("A0: aggregation uses the argument instances and the attribute instances") {
  Host host("gvt-a0");
  CHECK(host.write(gvt + "8/create", a + ",instances=2") == 48);
  CHECK(host.read(devices + a + "/instances") == "2\n");
  CHECK(host.write(gvt + "8/create", b + ",aggregate=2") == -EINVAL);
}

TEST_CASE("A2: aggregation is an attribute of the device in three versions") {
  SECTION("the RFC reports the remaining units and does not count aggregated ones") {
    Host host("gvt-a2-rfc");
    host.write(gvt + "8/create", a);
    CHECK(host.read(devices + a + "/mdev/aggregation") == "6\n");
    CHECK(host.write(devices + a + "/mdev/aggregation", "4\n") == 2);
    CHECK(host.read(devices + a + "/mdev/aggregated_instances") == "4\n");
    CHECK(left(host, gvt + "8") == "6\n");
    CHECK(host.write(devices + a + "/mdev/aggregation", "7") == -EINVAL);
    for (const std::string& uuid : {b, c}) {
      host.write(gvt + "2/create", uuid);
    }
    CHECK(host.open(a, "vm") == ENOSPC);
  }
  SECTION("v2 counts on write up to the remaining units or the current value") {
    Host host("gvt-a2-v2");
    host.write(gvt + "8/create", a);
    CHECK(host.read(devices + a + "/mdev/max_aggregation") == "6\n");
    CHECK(host.write(devices + a + "/mdev/aggregated_instances", "5") == 1);
    CHECK(left(host, gvt + "8") == "2\n");
    CHECK(host.write(devices + a + "/mdev/aggregated_instances", "6") == -EINVAL);
    CHECK(host.write(devices + a + "/mdev/aggregated_instances", "3") == 1);
    CHECK(left(host, gvt + "8") == "4\n");
  }
  SECTION("v3 allows remaining units plus the current value and accepts the current value in use") {
    Host host("gvt-a2-v3");
    host.write(gvt + "8/create", a);
    CHECK(host.read(devices + a + "/mdev/max_aggregation") == "7\n");
    host.write(gvt + "4/create", b);
    CHECK(host.read(devices + a + "/mdev/max_aggregation") == "5\n");
    const std::string file = devices + a + "/mdev/aggregated_instances";
    CHECK(host.write(file, "5") == 1);
    CHECK(left(host, gvt + "8") == "0\n");
    CHECK(host.write(file, "6") == -EINVAL);
    CHECK(host.write(file, "0") == -EINVAL);
    CHECK(host.write(file, "x") == -EINVAL);
    CHECK(host.open(a, "vm") == 0);
    CHECK(host.write(file, "5\n") == 2);
    CHECK(host.write(file, "4") == -EINVAL);
    CHECK(host.read(devices + b + "/mdev/aggregated_instances") == "0\n");
    CHECK(host.read(devices + b + "/mdev/max_aggregation") == "0\n");
    CHECK(host.write(devices + b + "/mdev/aggregated_instances", "2") == -EINVAL);
  }
}

TEST_CASE("A3: the aggregator attribute multiplies the size of all later instances of the type") {
  Host host("gvt-a3");
  CHECK(host.read(gvt + "8/aggregator") == "1\n");
  CHECK(host.write(gvt + "8/aggregator", "3") == 1);
  CHECK(left(host, gvt + "8") == "2\n");
  CHECK(host.write(gvt + "8/create", a) == 36);
  CHECK(left(host, gvt + "8") == "1\n");
  CHECK(host.write(gvt + "8/aggregator", "0") == -EINVAL);
  CHECK(host.write(gvt + "8/aggregator", "1") == 1);
  CHECK(left(host, gvt + "8") == "4\n");
}

TEST_CASE("C0: the driver interprets create arguments after the UUID") {
  Host host("m60-c0");
  const std::string create = m60 + "17/create";
  CHECK(host.write(create, a + ",vm_uuid=" + b + ",plugin0.frame_rate_limiter=0\n") > 0);
  CHECK(host.write(create, b + ",unknown=1") == -EINVAL);
  CHECK(host.write(create, b + ",vm_uuid") == -EINVAL);
  CHECK(host.write(create, b) == 36);
}

TEST_CASE("V1: writing a migration_version succeeds only if both types are compatible") {
  Host host("gvt-v1");
  host.write(gvt + "4/create", a);
  const std::string version = "8086-193b-i915-GVTg_V5_4-00000001\n";
  CHECK(host.read(gvt + "4/migration_version") == version);
  CHECK(host.read(devices + a + "/migration_version") == version);
  CHECK(host.write(gvt + "4/migration_version", version) > 0);
  CHECK(host.write(devices + a + "/migration_version", version.substr(0, version.size() - 1)) > 0);
  CHECK(host.write(gvt + "8/migration_version", version) == -EINVAL);
  sim::Scenario none = test::shipped("gvt-v1");
  none.parents.front().migration_version.clear();
  Host other(none);
  CHECK(other.read(gvt + "4/migration_version") == "absent");
}

TEST_CASE("C1: every assignment to a vfio_ap matrix is checked against the whole matrix") {
  Host host("ap");
  const std::string create = "class/mdev_bus/matrix/mdev_supported_types/vfio_ap-passthrough/create";
  CHECK(host.write(create, a) == 36);
  CHECK(host.write(create, b) == 36);
  const auto on = [&](const std::string& device, const std::string& file, const std::string& value) {
    return host.write(devices + device + "/" + file, value);
  };
  CHECK(on(a, "assign_adapter", "5") == 1);
  CHECK(host.read(devices + a + "/matrix") == "05.\n");
  CHECK(on(a, "assign_domain", "0xab\n") == 5);
  CHECK(on(a, "assign_domain", "4") == 1);
  CHECK(host.read(devices + a + "/matrix") == "05.0004\n05.00ab\n");
  CHECK(on(b, "assign_domain", "4") == 1);
  CHECK(host.read(devices + b + "/matrix") == ".0004\n");
  CHECK(on(b, "assign_adapter", "5") == -EADDRINUSE);
  CHECK(host.read(devices + b + "/matrix") == ".0004\n");
  CHECK(on(b, "assign_adapter", "256") == -ENODEV);
  CHECK(on(b, "assign_adapter", "x") == -EINVAL);
  CHECK(on(b, "assign_domain", "0") == 1);
  CHECK(on(b, "assign_adapter", "0") == -EADDRNOTAVAIL);
  CHECK(on(a, "unassign_domain", "99") == 2);
  CHECK(on(a, "assign_control_domain", "4") == 1);
  CHECK(host.read(devices + a + "/control_domains") == "0004\n");
  CHECK(on(a, "assign_adapter", "7") == 1);  // the machine has no such adapter
  CHECK(host.read(devices + a + "/guest_matrix") == "05.0004\n05.00ab\n");
  const std::string none = "0x" + std::string(64, '0');
  std::string three = none;
  three[2] = '1';  // bit 3
  CHECK(on(b, "ap_config", three + "," + none + "," + none + "\n") > 0);
  CHECK(host.read(devices + b + "/matrix") == "03.\n");
  CHECK(host.read(devices + b + "/ap_config") == three + "," + none + "," + none + "\n");
  CHECK(on(b, "ap_config", three + "," + none) == -EINVAL);
  CHECK(on(b, "ap_config", three + "," + none + "\n") > 0);  // the newline ends the second mask
  CHECK(host.write("bus/ap/aqmask", "0x" + std::string(64, 'f')) == 66);
  CHECK(host.write("bus/ap/apmask", "0x" + std::string(64, 'f')) == -EBUSY);
  CHECK(host.open(a, "vm") == 0);
  CHECK(host.open(b, "vm") == EPERM);
}

TEST_CASE("ccw: the mdev core limits a subchannel to one device") {
  Host host("ccw");
  const std::string create = "class/mdev_bus/0.0.0072/mdev_supported_types/vfio_ccw-io/create";
  CHECK(host.write(create, a) == 36);
  CHECK(host.write(create, b) == -EUSERS);
  CHECK(host.read("class/mdev_bus/0.0.0072/mdev_supported_types/vfio_ccw-io/device_api") == "vfio-ccw\n");
  CHECK(host.target("bus/css/devices/0.0.0072") == "../../../devices/css0/0.0.0072");
}

TEST_CASE("events of a failed create are sent before 5.2 and since 6.1 but not in between") {
  const auto events_of_failure = [](const std::string& scenario) {
    Host host(scenario);
    const std::size_t before = host.machine.events().size();
    host.machine.control("fault create 1 EIO");
    CHECK(host.write(m60 + "17/create", a) == -EIO);
    CHECK_FALSE(host.has(devices + a));
    CHECK(host.write(m60 + "17/create", a) == 36);
    const std::string events = host.machine.events().substr(before);
    std::string actions;
    for (const char* action : {"add@", "remove@", "bind@"}) {
      const std::string line = std::string(action) + "/devices/pci0000:86/0000:86:00.0/" + a + "\n";
      for (std::size_t at = events.find(line); at != std::string::npos; at = events.find(line, at + 1)) {
        actions += action;
      }
    }
    return actions;
  };
  CHECK(events_of_failure("m60-u1") == "add@add@remove@bind@");
  CHECK(events_of_failure("m60-u2") == "add@bind@");
  CHECK(events_of_failure("m60") == "add@add@remove@bind@");
}
