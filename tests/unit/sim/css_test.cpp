// The css bus and the drivers io_subchannel and vfio_ccw; PCI parents whose driver is changed; GVT-g's
// switches.
#include <algorithm>

#include "catch.hpp"
#include "simulated.hpp"

using namespace mdevadm;

namespace {

const std::string a = "aaaaaaaa-0000-4000-8000-000000000001";
const std::string b = "aaaaaaaa-0000-4000-8000-000000000002";
const std::string dasd = "bus/css/devices/0.0.0313/";
const std::string drivers = "bus/css/drivers/";
const std::string create = "mdev_supported_types/vfio_ccw-io/create";

struct Host : test::Simulated {
  using Simulated::Simulated;
  std::string driver(const std::string& device) {
    const std::string link = target(device + "/driver");
    return link.substr(link.rfind('/') + 1);
  }
  std::string log() { return read("kernel/mdevsim/log"); }
};

sim::SimParent& parent_of(sim::Scenario& scenario, const std::string& name) {
  return *std::find_if(scenario.parents.begin(), scenario.parents.end(),
                       [&](const sim::SimParent& parent) { return parent.name == name; });
}

}  // namespace

TEST_CASE("a subchannel with io_subchannel shows its channel device and offers no types") {
  Host host("ccw-host");
  CHECK(host.driver("bus/css/devices/0.0.0313") == "io_subchannel");
  CHECK(host.read(dasd + "type") == "0\n");
  CHECK(host.read(dasd + "driver_override") == "(null)\n");
  CHECK(host.read(dasd + "dev_busid") == "0.0.2b09\n");
  CHECK(host.read(dasd + "chpids") == "11 12 21 22 00 00 00 00 \n");
  CHECK(host.read(dasd + "pimpampom") == "f0 f0 ff\n");
  CHECK(host.read(dasd + "uevent") == "DRIVER=io_subchannel\nST=0\nMODALIAS=css:t0\n");
  CHECK(host.target("bus/ccw/devices/0.0.2b09") == "../../../devices/css0/0.0.0313/0.0.2b09");
  CHECK(host.read("bus/ccw/devices/0.0.2b09/devtype") == "3390/0c\n");
  CHECK(host.read("bus/ccw/devices/0.0.2b09/cutype") == "3990/e9\n");
  CHECK(host.read("bus/ccw/devices/0.0.2b09/modalias") == "ccw:t3990mE9dt3390dm0C\n");
  CHECK(host.read("bus/ccw/devices/0.0.2b09/online") == "1\n");
  CHECK(host.write("bus/ccw/devices/0.0.2b09/online", "2") == -EINVAL);
  CHECK(host.write("bus/ccw/devices/0.0.2b09/online", "0") == 1);
  CHECK(host.read("bus/ccw/devices/0.0.2b09/online") == "0\n");
  CHECK_FALSE(host.has("class/mdev_bus/0.0.0313"));
  CHECK_FALSE(host.has(dasd + "mdev_supported_types"));
}

TEST_CASE("binding to vfio_ccw registers a parent, unbinding unregisters it") {
  Host host("ccw-host");
  CHECK(host.write(drivers + "vfio_ccw/bind", "0.0.0313\n") == -EBUSY);
  CHECK(host.write(drivers + "vfio_ccw/unbind", "0.0.0313\n") == -ENODEV);
  CHECK(host.write(drivers + "io_subchannel/unbind", "0.0.0313\n") == 9);
  CHECK_FALSE(host.has("bus/ccw/devices/0.0.2b09"));
  CHECK_FALSE(host.has(dasd + "0.0.2b09"));
  CHECK(host.read(dasd + "dev_busid") == "0.0.2b09\n");
  CHECK(host.write(drivers + "vfio_ccw/bind", "0.0.0313") == 8);
  CHECK(host.has("class/mdev_bus/0.0.0313"));
  CHECK(host.write(dasd + create, a) == 36);
  CHECK(host.write(dasd + create, b) == -EUSERS);
  CHECK(host.write(drivers + "vfio_ccw/unbind", "0.0.0313") == 8);
  CHECK_FALSE(host.has("bus/mdev/devices/" + a));
  CHECK_FALSE(host.has("class/mdev_bus/0.0.0313"));
  CHECK(host.driver("bus/css/devices/0.0.0313") == "absent");
}

TEST_CASE("drivers_probe prefers io_subchannel, and an override selects the driver") {
  Host host("ccw-host");
  CHECK(host.write("bus/css/drivers_probe", "0.0.9999") == -ENODEV);
  CHECK(host.write(dasd + "driver_override", "vfio_ccw\n") == 9);
  CHECK(host.read(dasd + "driver_override") == "vfio_ccw\n");
  CHECK(host.driver("bus/css/devices/0.0.0313") == "io_subchannel");  // it unbinds nothing
  CHECK(host.write(drivers + "io_subchannel/unbind", "0.0.0313") == 8);
  CHECK(host.write(drivers + "io_subchannel/bind", "0.0.0313") == -ENODEV);
  CHECK(host.write("bus/css/drivers_probe", "0.0.0313") == 8);
  CHECK(host.driver("bus/css/devices/0.0.0313") == "vfio_ccw");
  CHECK(host.write(dasd + "driver_override", "\n") == 1);
  CHECK(host.read(dasd + "driver_override") == "(null)\n");
  CHECK(host.write(drivers + "vfio_ccw/unbind", "0.0.0313") == 8);
  CHECK(host.write("bus/css/drivers_probe", "0.0.0313") == 8);
  CHECK(host.driver("bus/css/devices/0.0.0313") == "io_subchannel");
}

TEST_CASE("a change of the driver waits while a device is in use") {
  Host host("ccw-host");
  CHECK(host.write("bus/css/devices/0.0.0315/" + create, a) == 36);
  CHECK(host.open(a, "vm") == 0);
  CHECK(host.write(drivers + "vfio_ccw/unbind", "0.0.0315") == Host::pending);
  const auto answer = host.late;
  CHECK(host.driver("bus/css/devices/0.0.0315") == "vfio_ccw");
  host.nodes.open.clear();
  host.wait(10);
  CHECK(*answer == 8);
  CHECK(host.driver("bus/css/devices/0.0.0315") == "absent");
  CHECK(host.machine.control("register 0.0.0315") == 0);
  CHECK(host.driver("bus/css/devices/0.0.0315") == "vfio_ccw");
}

TEST_CASE("vfio_ccw refuses QDIO subchannels and those that are not for I/O") {
  Host host("ccw-host");
  CHECK(host.write(drivers + "io_subchannel/unbind", "0.0.0320") == 8);
  CHECK(host.write(drivers + "vfio_ccw/bind", "0.0.0320") == -ENODEV);
  CHECK(host.log() == "vfio: ccw: does not support QDIO: 0.0.0320\n");
  CHECK(host.write(drivers + "vfio_ccw/bind", "0.0.0330") == -ENODEV);
  CHECK(host.read("bus/css/devices/0.0.0330/type") == "1\n");
  CHECK_FALSE(host.has("bus/css/devices/0.0.0330/dev_busid"));
}

TEST_CASE("a second device, and a subchannel without paths, are refused as the kernel version does") {
  for (const auto& [minor, second, without_path] :
       {std::tuple(0U, EPERM, ENODEV), std::tuple(1U, EUSERS, ENODEV)}) {
    sim::Scenario scenario = test::shipped("ccw-host");
    scenario.kernel = {6, minor};
    for (sim::SimParent& parent : scenario.parents) {
      parent.interface = sim::find_interface(minor == 0 ? "U2" : "U4");
    }
    Host host(scenario);
    CHECK(host.write("bus/css/devices/0.0.0315/" + create, a) == 36);
    CHECK(host.write("bus/css/devices/0.0.0315/" + create, b) == -second);
    parent_of(scenario, "0.0.0315").subchannel.operational = false;
    Host broken(scenario);
    CHECK(broken.write("bus/css/devices/0.0.0315/" + create, a) == -without_path);
  }
  sim::Scenario scenario = test::shipped("ccw-host");
  scenario.kernel = {6, 2};
  parent_of(scenario, "0.0.0315").subchannel.operational = false;
  Host host(scenario);
  CHECK(host.has("bus/css/devices/0.0.0315/parent/uevent"));
  CHECK(host.write("bus/css/devices/0.0.0315/" + create, a) == 36);
  CHECK(host.open(a, "vm") == EINVAL);
}

TEST_CASE("dev_busid exists since 5.15, and vfio_ccw is bound only while it is loaded") {
  sim::Scenario scenario = test::shipped("ccw-host");
  scenario.kernel = {5, 14};
  for (sim::SimParent& parent : scenario.parents) {
    parent.loaded = false;
    parent.bound = parent.subchannel.type == 0 ? "io_subchannel" : "";
  }
  Host host(scenario);
  CHECK_FALSE(host.has(dasd + "dev_busid"));
  CHECK_FALSE(host.has("module/vfio_ccw"));
  CHECK(host.machine.control("load kvmgt") == ENOENT);
  CHECK(host.machine.control("load vfio_ccw") == 0);
  CHECK(host.has("module/vfio_ccw"));
  CHECK(host.write(drivers + "io_subchannel/unbind", "0.0.0313") == 8);
  CHECK(host.write(drivers + "vfio_ccw/bind", "0.0.0313") == 8);
}

TEST_CASE("GVT-g needs both i915.enable_gvt and kvmgt") {
  sim::Scenario scenario = test::shipped("gvt-off");
  const std::string gpu = "bus/pci/devices/0000:00:02.0";
  {
    Host host(scenario);
    CHECK(host.driver(gpu) == "i915");
    CHECK(host.read("module/i915/parameters/enable_gvt") == "N\n");
    CHECK(host.machine.control("load kvmgt") == 0);
    CHECK(host.has("module/kvmgt"));
    CHECK_FALSE(host.has(gpu + "/mdev_supported_types"));
  }
  scenario.parents.front().enable_gvt = true;
  Host host(scenario);
  CHECK_FALSE(host.has(gpu + "/mdev_supported_types"));
  CHECK(host.machine.control("load kvmgt") == 0);
  CHECK(host.has(gpu + "/mdev_supported_types/i915-GVTg_V5_4"));
  CHECK(host.write("bus/pci/drivers/i915/unbind", "0000:00:02.0") == 12);
  CHECK_FALSE(host.has("class/mdev_bus/0000:00:02.0"));
  CHECK(host.write(gpu + "/driver_override", "vfio-pci") == 8);
  CHECK(host.write("bus/pci/drivers_probe", "0000:00:02.0") == 12);
  CHECK(host.driver(gpu) == "vfio-pci");
  CHECK(host.write(gpu + "/driver_override", "\n") == 1);
  CHECK(host.write("bus/pci/drivers/vfio-pci/unbind", "0000:00:02.0") == 12);
  CHECK(host.write("bus/pci/drivers_probe", "0000:00:02.0") == 12);
  CHECK(host.has("class/mdev_bus/0000:00:02.0"));
}

TEST_CASE("creations are refused although instances are available, or have no effect") {
  sim::Scenario scenario = test::shipped("gvt");
  const std::string type = "class/mdev_bus/0000:00:02.0/mdev_supported_types/i915-GVTg_V5_8/";
  scenario.parents.front().errno_create = ENOSPC;
  Host host(scenario);
  const std::string available = host.read(type + "available_instances");
  CHECK(available != "0\n");
  CHECK(host.write(type + "create", a) == -ENOSPC);
  CHECK(host.read(type + "available_instances") == available);
  scenario.parents.front().errno_create = 0;
  scenario.parents.front().ignores_create = true;
  Host ignoring(scenario);
  CHECK(ignoring.write(type + "create", a) == 36);
  CHECK_FALSE(ignoring.has("bus/mdev/devices/" + a));
}
