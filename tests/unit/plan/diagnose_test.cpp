#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/diagnose.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

using Advice = std::vector<std::string>;

HostDevice subchannel(std::optional<std::string> driver) {
  HostDevice device{.address = "0.0.0313", .bus = "css", .driver = std::move(driver)};
  device.subchannel_type = 0;
  device.channel_device = ChannelDevice{.number = "0.0.2b09"};
  return device;
}

HostDevice pci(std::optional<std::string> driver) {
  HostDevice device{.address = "0000:00:02.0", .bus = "pci", .driver = std::move(driver)};
  device.pci_id = "8086:5916";
  device.pci_class = "030000";
  return device;
}

HostDevice i915(std::optional<bool> enabled, bool has_kvmgt) {
  HostDevice device = pci("i915");
  device.enable_gvt = enabled;
  device.modules["kvmgt"] = has_kvmgt;
  return device;
}

const std::string bind_ccw =
    "bind the subchannel to vfio_ccw: driverctl -b css set-override 0.0.0313 vfio_ccw";

}  // namespace

TEST_CASE("a subchannel with io_subchannel is bound to vfio_ccw, after its device was set offline") {
  HostDevice device = subchannel("io_subchannel");
  device.channel_device->type = "3390/0c";
  device.channel_device->online = true;
  const Finding online = why_no_parent(device);
  CHECK(online.id == "css-driver");
  CHECK(online.what ==
        "subchannel 0.0.0313 (device 0.0.2b09, 3390/0c, online) has the driver io_subchannel; it offers "
        "mediated devices only with the driver vfio_ccw");
  CHECK(online.advice == Advice{"first set the device offline, unless the host uses it: chccwdev -d 0.0.2b09",
                                "then " + bind_ccw});
  device.channel_device->online = false;
  CHECK(why_no_parent(device).advice == Advice{bind_ccw});
}

TEST_CASE("a subchannel without driver, with a refused override, or not for I/O") {
  CHECK(
      why_no_parent(subchannel(std::nullopt)).what ==
      "subchannel 0.0.0313 (device 0.0.2b09) has no driver; it offers mediated devices only with the driver "
      "vfio_ccw");
  HostDevice refused = subchannel(std::nullopt);
  refused.driver_override = "vfio_ccw";
  CHECK(why_no_parent(refused).advice ==
        Advice{"bind the driver: echo 0.0.0313 > /sys/bus/css/drivers_probe",
               "if it refuses the subchannel, see the kernel log for its reason: dmesg",
               "return the subchannel to its driver: driverctl -b css unset-override 0.0.0313"});
  HostDevice chsc = subchannel(std::nullopt);
  chsc.subchannel_type = 1;
  chsc.channel_device.reset();
  CHECK(why_no_parent(chsc).what ==
        "subchannel 0.0.0313 is a subchannel for CHSC; only I/O subchannels offer mediated devices");
  CHECK(why_no_parent(chsc).advice.empty());
}

TEST_CASE("GVT-g is explained by its parameter, its module, or the driver") {
  CHECK(why_no_parent(i915(false, false)).what ==
        "0000:00:02.0 (8086:5916) has the driver i915 without GVT-g: i915.enable_gvt is off, and the module "
        "kvmgt is not loaded");
  CHECK(why_no_parent(i915(false, true)).id == "gvt-disabled");
  CHECK(why_no_parent(i915(true, false)).advice ==
        Advice{"load the module: modprobe kvmgt",
               "load it at each boot: echo kvmgt > /etc/modules-load.d/kvmgt.conf"});
  CHECK(why_no_parent(i915(true, true)).id == "gvt-refused");
  CHECK(why_no_parent(i915(std::nullopt, false)).id == "gvt-unsupported");
  CHECK(why_no_parent(pci("xe")).what.ends_with("(GVT-g needs i915)"));
}

TEST_CASE("PCI devices on another driver or on none") {
  CHECK(why_no_parent(pci("vfio-pci")).advice ==
        Advice{"when no virtual machine uses it, return the device to its driver: driverctl unset-override "
               "0000:00:02.0"});
  CHECK(why_no_parent(pci("e1000e")).what ==
        "0000:00:02.0 (8086:5916) has the driver e1000e, which offers no mediated devices");
  CHECK(why_no_parent(pci(std::nullopt)).what == "0000:00:02.0 (8086:5916) has no driver");
  HostDevice overridden = pci(std::nullopt);
  overridden.driver_override = "vfio-pci";
  CHECK(why_no_parent(overridden).advice ==
        Advice{"remove the override: driverctl unset-override 0000:00:02.0"});
  HostDevice function = pci("iavf");
  function.physical = "0000:00:01.0";
  CHECK(why_no_parent(function).id == "pci-function");
}

TEST_CASE("crypto queues and mediated devices are not parents") {
  HostDevice queue{.address = "05.0014", .bus = "ap", .driver = "cex4queue"};
  queue.modules["vfio_ap"] = false;
  CHECK(why_no_parent(queue).advice ==
        Advice{"load the module: modprobe vfio_ap",
               "load it at each boot: echo vfio_ap > /etc/modules-load.d/vfio_ap.conf",
               "show it and its owner: mdevadm show 05.0014"});
  queue.modules["vfio_ap"] = true;
  CHECK(why_no_parent(queue).what ==
        "crypto queue 05.0014 has the driver cex4queue; it is not a parent: the parent of all vfio-ap "
        "devices is "
        "matrix");
  Snapshot seen;
  seen.ap = ApHost{.host_adapters = ApSet{}.set(5), .host_domains = ApSet{}.set(0x14)};
  CHECK(why_no_parent(queue, seen)
            .what.starts_with("crypto queue 05.0014 is reserved for the host (apmask, aqmask) and has the "
                              "driver cex4queue;"));
  CHECK(owner_of_queue(queue, seen)->kind == std::string("host"));
  seen.ap->overrides = {{Apqn{5, 0x14}, "vfio_ap"}};
  queue.driver = "vfio_ap";
  CHECK(why_no_parent(queue, seen).advice ==
        Advice{"assign it to a device: mdevadm define -p matrix -t vfio_ap-passthrough --queue 05.0014"});
  HostDevice card{
      .address = "card05", .bus = "ap", .card = ApCard{.adapter = 5, .type = "CEX8C", .configured = false}};
  CHECK(
      why_no_parent(card, seen).what.starts_with("crypto card card05 (CEX8C, deconfigured) has no queues;"));
  HostDevice device{.address = "u", .bus = "mdev"};
  device.parent = "mtty";
  CHECK(why_no_parent(device).what == "u is a mediated device of mtty, not a parent");
}

TEST_CASE("addresses that do not exist are named as such, and slips are corrected if one device is meant") {
  Snapshot seen;
  seen.host_devices["0000:99:00.0"] = {};
  CHECK(missing_address(seen, "99:00.0")->what == "the host has no PCI function 0000:99:00.0");
  CHECK(!missing_address(seen, "0000:98:00.0"));
  seen.host_devices["0000:3b:00.0"] = {pci("nvidia")};
  CHECK(!missing_address(seen, "0000:3b:00.0"));
  for (const char* slip : {"0000:3b.00.0", "0000:3b:00:0", "3b:0000:00.0", "00:3b:0000.0"}) {
    CAPTURE(slip);
    CHECK(missing_address(seen, slip)->advice == Advice{"did you mean '0000:3b:00.0'?"});
  }
  CHECK(missing_address(seen, "0000:3c.00.0")->what == "'0000:3c.00.0' is not a PCI address");
  CHECK(!missing_address(seen, "0.0.0313"));
  CHECK(!missing_address(seen, "05.0099"));
  seen.ap = ApHost{};
  seen.host_devices["05.0099"] = {};
  CHECK(missing_address(seen, "05.0099")->what == "the host has no crypto queue 05.0099");
}

TEST_CASE("the error for a parent that exists names no other device") {
  Snapshot seen;
  seen.mdev_support = true;
  seen.parents.push_back({.name = *ParentName::parse("0.0.0315"), .path = "x"});
  seen.host_devices["0.0.0313"] = {subchannel("io_subchannel")};
  const Error exists = unknown_parent(seen, "0.0.0313", "cannot define a device");
  CHECK(exists.code() == ExitCode::not_found);
  CHECK(std::string(exists.what()).starts_with("cannot define a device: subchannel 0.0.0313"));
  CHECK(exists.hints() == Advice{bind_ccw});
  const Error absent = unknown_parent(seen, "0.0.0314", "cannot define a device");
  CHECK(absent.hints() == Advice{"list the numbers: ls /sys/bus/css/devices /sys/bus/ccw/devices"});
}

TEST_CASE("a name that is a subchannel and a device number names both") {
  Snapshot seen;
  HostDevice other = subchannel("io_subchannel");
  other.address = "0.0.0400";
  other.channel_device->number = "0.0.0313";
  seen.host_devices["0.0.0313"] = {subchannel("io_subchannel"), other};
  const std::string what = unknown_parent(seen, "0.0.0313", "cannot list types").what();
  CHECK(what.find("subchannel 0.0.0313 (device 0.0.2b09)") != std::string::npos);
  CHECK(what.find("; subchannel 0.0.0400 (device 0.0.0313)") != std::string::npos);
}

TEST_CASE("a subchannel that is a parent is not explained, also if its device number was given") {
  Snapshot seen;
  HostDevice bound = subchannel("vfio_ccw");
  seen.host_devices["0.0.2b09"] = {bound};
  CHECK(why_no_parent(seen, "0.0.2b09").size() == 1);
  seen.parents.push_back({.name = *ParentName::parse("0.0.0313"), .path = "sys"});
  CHECK(why_no_parent(seen, "0.0.2b09").empty());
  const Error error = unknown_parent(seen, "0.0.2b09", "cannot start 'a'");
  CHECK(std::string(error.what()) ==
        "cannot start 'a': '0.0.2b09' is the device number of subchannel 0.0.0313, not a parent");
}

TEST_CASE("a definition under another spelling is moved to the name of the kernel") {
  const auto stored = [](const std::string& parent) {
    return Definition{.uuid = *Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001"),
                      .parent = *ParentName::parse(parent),
                      .type = *TypeName::parse("vfio_ccw-io")};
  };
  const std::string move =
      "move the definition to that parent: mdevadm modify "
      "aaaaaaaa-0000-4000-8000-000000000001";
  Snapshot seen;
  seen.parents.push_back({.name = *ParentName::parse("0.0.0315"), .path = "x"});
  seen.parents.push_back({.name = *ParentName::parse("matrix"), .path = "y"});
  const auto parent = misnamed_parent(seen, stored("css_0_0_0315"));
  REQUIRE(parent);
  CHECK(parent->advice == Advice{move + " --new-parent 0.0.0315"});
  CHECK(why_missing(seen, stored("Matrix"))->advice == Advice{move + " -p Matrix --new-parent matrix"});
  CHECK_FALSE(misnamed_parent(seen, stored("0.0.0315")));
  CHECK_FALSE(misnamed_parent(seen, stored("ccw_0_0_0315")));

  seen.host_devices["0.0.0313"] = {subchannel("io_subchannel")};
  CHECK_FALSE(misnamed_parent(seen, stored("0.0.0313")));
  const auto device = misnamed_parent(seen, stored("css_0_0_0313"));
  REQUIRE(device);
  CHECK(device->what.starts_with("parent 'css_0_0_0313' must be written 0.0.0313; subchannel 0.0.0313"));
  CHECK(device->advice == Advice{move + " --new-parent 0.0.0313 --force", bind_ccw});
  CHECK(device->id == "css-driver");
}

TEST_CASE("the error for a type without parent explains one device, and refers to several") {
  const Error none(ExitCode::not_found, "no parent has it", "list types: mdevadm types");
  Snapshot seen;
  CHECK(with_candidates(none, seen, "").hints() == none.hints());
  seen.host_devices["0000:00:02.0"] = {i915(true, false)};
  const Error one = with_candidates(none, seen, "i915-GVTg_V5_4");
  CHECK(std::string(one.what()).starts_with("no parent has it: 0000:00:02.0 (8086:5916)"));
  CHECK(one.hints().front() == "load the module: modprobe kvmgt");
  CHECK(with_candidates(none, seen, "vfio_ccw-io").hints() == none.hints());
  seen.host_devices["0.0.0313"] = {subchannel("io_subchannel")};
  const Error both = with_candidates(none, seen, "");
  CHECK(std::string(both.what()) == "no parent has it");
  CHECK(both.hints().front() ==
        "to see why devices of the host are not parents: mdevadm check 0.0.0313 0000:00:02.0");
}
