// The AP bus and vfio_ap: masks, drivers of queues, errors by kernel version and in kernel order.
#include "../../../src/sim/ap_masks.hpp"

#include "catch.hpp"
#include "simulated.hpp"

using namespace mdevadm;

namespace {

const std::string a = "aaaaaaaa-0000-4000-8000-000000000001";
const std::string b = "aaaaaaaa-0000-4000-8000-000000000002";
const std::string queue = "bus/ap/devices/05.0014/";
const std::string ones(64, 'f');
const std::string zeros(64, '0');

sim::Scenario on_kernel(unsigned major, unsigned minor) {
  sim::Scenario scenario = test::shipped("ap-host");
  scenario.kernel = {major, minor};
  return scenario;
}

struct Host : test::Simulated {
  explicit Host(const sim::Scenario& scenario) : Simulated(scenario) {
    for (const std::string& uuid : {a, b}) {
      write("class/mdev_bus/matrix/mdev_supported_types/vfio_ap-passthrough/create", uuid);
    }
  }
  int on(const std::string& device, const std::string& file, const std::string& value) {
    return write("bus/mdev/devices/" + device + "/" + file, value);
  }
  std::string of(const std::string& device, const std::string& file) {
    return read("bus/mdev/devices/" + device + "/" + file);
  }
  std::string driver(const std::string& name) {
    const std::string link = target("bus/ap/devices/" + name + "/driver");
    return link.substr(link.rfind('/') + 1);
  }
  int mask(const std::string& name, const std::string& value) { return write("bus/ap/" + name, value); }
  std::string log() { return read("kernel/mdevsim/log"); }
};

std::string changed(const std::string& text) {
  const auto mask = sim::changed_mask(sim::all_ap_numbers(), text);
  return mask ? sim::to_mask(*mask) : "EINVAL";
}

}  // namespace

TEST_CASE("apmask and aqmask accept absolute, short and relative values") {
  CHECK(changed("-0x2") == "0xdf" + std::string(62, 'f'));
  CHECK(changed("-2,-3") == "0xcf" + std::string(62, 'f'));
  CHECK(changed("-2-3\n") == "0xcf" + std::string(62, 'f'));
  CHECK(changed("+2,+3") == "0x" + ones);
  CHECK(changed("-0-255+1+2,\n,") == "0x6" + std::string(63, '0'));
  CHECK(changed("-010") == "0xff7" + std::string(61, 'f'));  // octal
  for (const char* empty : {"0x0", "0x00", "", "\n", "0x"}) {
    CHECK(changed(empty) == "0x" + zeros);
  }
  CHECK(changed("0xff") == "0xff" + std::string(62, '0'));
  CHECK(changed("0x30000000") == "0x3" + std::string(63, '0'));
  CHECK(changed("x3F\n") == "0x3f" + std::string(62, '0'));
  CHECK(changed("0x" + ones + "\n") == "0x" + ones);
  for (const std::string& wrong :
       std::vector<std::string>{"+256", "-3-2", "+1 ", "+ 1", "+", "-08", "0Xff", "0x" + ones + "f", "+1,2",
                                "0xfg", "ff\n\n", "+1-0x100", "+99999999999999999999"}) {
    CHECK(changed(wrong) == "EINVAL");
  }
}

TEST_CASE("the AP bus shows cards and queues with the drivers that own them") {
  Host host(on_kernel(6, 10));
  CHECK(host.read("bus/ap/ap_max_adapter_id") == "255\n");
  CHECK(host.read("bus/ap/ap_max_domain_id") == "84\n");
  CHECK(host.read("bus/ap/apmask") == "0x" + ones + "\n");
  CHECK(host.read("bus/ap/ap_adapter_mask") == "0x06" + std::string(62, '0') + "\n");
  CHECK(host.read("bus/ap/ap_usage_domain_mask").starts_with("0x080008000000000001"));
  CHECK(host.read("bus/ap/ap_control_domain_mask") == host.read("bus/ap/ap_usage_domain_mask"));
  CHECK(host.read("bus/ap/bindings") == "6/6 (complete)\n");
  CHECK(host.read("bus/ap/bindings_complete_count") == "absent");
  CHECK(host.read("bus/ap/devices/card05/type") == "CEX8C\n");
  CHECK(host.read("bus/ap/devices/card05/hwtype") == "14\n");
  CHECK(host.target("bus/ap/devices/05.0014") == "../../../devices/ap/card05/05.0014");
  CHECK(host.driver("card05") == "cex4card");
  CHECK(host.driver("05.0014") == "cex4queue");
  CHECK(host.read(queue + "online") == "1\n");
  CHECK(host.read(queue + "status") == "absent");
  CHECK(host.mask("apmask", "-5") == 2);
  CHECK(host.driver("05.0014") == "vfio_ap");
  CHECK(host.driver("06.0014") == "cex4queue");
  CHECK(host.read(queue + "online") == "absent");
  CHECK(host.read(queue + "status") == "unassigned\n");
  CHECK(host.read("bus/ap/apmask") == "0xfb" + std::string(62, 'f') + "\n");
  CHECK(host.machine.events().find("APMASK=0xfbff") != std::string::npos);
  CHECK(host.machine.events().find("BINDINGS=complete") != std::string::npos);
  CHECK(host.mask("apmask", "5,6") == -EINVAL);
  CHECK(host.mask("aqmask", "-20") == 3);  // 06.0014 is free, 06.0004 still the host's
  CHECK(host.driver("06.0014") == "vfio_ap");
  CHECK(host.driver("06.0004") == "cex4queue");
  CHECK(host.mask("config_time", "4") == -EINVAL);
  CHECK(host.write("bus/ap/devices/card06/config", "0") == 1);
  CHECK(host.read("bus/ap/devices/06.0004/config") == "0\n");
  CHECK(host.write("bus/ap/devices/06.0004/online", "1") == -ENODEV);
  CHECK(host.machine.control("reboot") == 0);
  CHECK(host.read("bus/ap/apmask") == "0x" + ones + "\n");
  CHECK(host.driver("05.0014") == "cex4queue");
}

TEST_CASE("vfio_ap of Linux 6.10: masks decide, queues that the machine lacks can be assigned") {
  Host host(on_kernel(6, 10));
  CHECK(host.on(a, "assign_adapter", "5") == 1);
  CHECK(host.of(a, "matrix") == "05.\n");
  CHECK(host.on(a, "assign_domain", "0x14") == -EADDRNOTAVAIL);
  CHECK(host.of(a, "matrix") == "05.\n");
  CHECK(host.log().empty());
  CHECK(host.mask("apmask", "-5") == 2);
  CHECK(host.on(a, "assign_domain", "0x14") == 4);
  CHECK(host.of(a, "matrix") == "05.0014\n");
  CHECK(host.of(a, "guest_matrix") == "05.0014\n");
  CHECK(host.read(queue + "status") == "assigned\n");
  CHECK(host.on(a, "assign_domain", "20\n") == 3);
  CHECK(host.on(a, "assign_domain", "0014") == 4);  // octal
  CHECK(host.of(a, "matrix") == "05.000c\n05.0014\n");
  CHECK(host.of(a, "guest_matrix") == "05.0014\n");
  CHECK(host.on(a, "assign_adapter", "6") == -EADDRNOTAVAIL);
  CHECK(host.on(b, "assign_adapter", "5") == 1);
  CHECK(host.on(b, "assign_domain", "0x14") == -EADDRINUSE);
  CHECK(host.log() ==
        "vfio_ap_mdev " + a + ": Userspace may not re-assign queue 05.0014 already assigned to " + a + "\n");
  CHECK(host.mask("apmask", "+5") == -EBUSY);
  CHECK(host.read("bus/ap/apmask") == "0xfb" + std::string(62, 'f') + "\n");
  CHECK(host.write("bus/ap/drivers/vfio_ap/unbind", "05.0014") == 7);
  CHECK(host.of(a, "guest_matrix").empty());
  CHECK(host.of(a, "matrix") == "05.000c\n05.0014\n");
  CHECK(host.read("bus/ap/bindings") == "5/6\n");
  CHECK(host.write("bus/ap/drivers_probe", "05.0014\n") == 8);
  CHECK(host.of(a, "guest_matrix") == "05.0014\n");
  CHECK(host.open(a, "vm") == 0);
  CHECK(host.on(a, "unassign_domain", "0x0c") == 4);  // hot unplug
  CHECK(host.read(queue + "status") == "in use\n");
}

TEST_CASE("numbers of assign and unassign files: EINVAL, ERANGE, ENODEV") {
  Host host(on_kernel(6, 10));
  for (const char* wrong : {"", "-1", "5 ", "5,6", "0-3", "08", "0019", "002b", "0x", "5\n\n"}) {
    CHECK(host.on(a, "assign_control_domain", wrong) == -EINVAL);
    CHECK(host.on(a, "unassign_adapter", wrong) == -EINVAL);
  }
  CHECK(host.on(a, "assign_adapter", "99999999999999999999") == -ERANGE);
  CHECK(host.on(a, "assign_control_domain", "0x100") == -ENODEV);
  CHECK(host.on(a, "assign_domain", "85") == -ENODEV);
  CHECK(host.on(a, "unassign_domain", "85") == -ENODEV);
  CHECK(host.on(a, "assign_control_domain", "+0x0014") == 7);
  CHECK(host.of(a, "control_domains") == "0014\n");
}

TEST_CASE("ap_config replaces all masks or none, in the kernel's order of errors") {
  Host host(on_kernel(6, 10));
  CHECK(host.mask("apmask", "-5") == 2);
  CHECK(host.on(a, "ap_config", "0x04,0x000008") == -EINVAL);
  CHECK(host.on(a, "ap_config", "0x04\n") == -EINVAL);
  CHECK(host.on(a, "ap_config", "0x04,0x000008\n") > 0);
  CHECK(host.of(a, "matrix") == "05.0014\n");
  CHECK(host.of(a, "ap_config") ==
        "0x04" + std::string(62, '0') + ",0x000008" + std::string(58, '0') + ",0x" + zeros + "\n");
  CHECK(host.on(a, "ap_config", "0x04,0x000008,0x000008") > 0);
  CHECK(host.of(a, "control_domains") == "0014\n");
  CHECK(host.on(a, "ap_config", "0x04,+20,") == -EINVAL);
  CHECK(host.on(a, "ap_config", "0x02,0x000008,") == -EADDRNOTAVAIL);
  CHECK(host.on(b, "ap_config", "0x04,0x000008,") == -EADDRINUSE);
  const std::string domain_100 = "0x" + std::string(25, '0') + "8";
  CHECK(host.on(a, "ap_config", "0x04," + domain_100 + ",") == -ENODEV);
  CHECK(host.on(a, "ap_config", "0x02," + domain_100 + ",") == -EADDRNOTAVAIL);
  CHECK(host.of(a, "matrix") == "05.0014\n");
  CHECK(host.on(a, "ap_config", ",,") == 2);
  CHECK(host.of(a, "matrix").empty());
  CHECK(Host(on_kernel(6, 9)).of(a, "ap_config") == "absent");
  CHECK(Host(on_kernel(6, 13)).read("class/mdev_bus/matrix/features") == "guest_matrix hotplug ap_config\n");
  CHECK(host.read("class/mdev_bus/matrix/features") == "absent");
}

TEST_CASE("vfio_ap of Linux 5.19 and earlier: queues must be bound, and nothing changes while in use") {
  Host host(on_kernel(5, 19));
  CHECK(host.on(a, "assign_adapter", "5") == -EADDRNOTAVAIL);
  CHECK(host.on(a, "assign_adapter", "9") == -EADDRNOTAVAIL);
  CHECK(host.mask("apmask", "-5") == 2);
  CHECK(host.on(a, "assign_adapter", "5") == 1);
  CHECK(host.on(a, "assign_domain", "0014") == -EADDRNOTAVAIL);  // octal 12, which does not exist
  CHECK(host.on(a, "assign_domain", "0x14") == 4);
  CHECK(host.of(a, "guest_matrix") == "absent");
  CHECK(host.on(b, "assign_adapter", "5") == 1);
  CHECK(host.on(b, "assign_domain", "0x14") == -EADDRINUSE);
  CHECK(host.log().empty());
  CHECK(host.open(a, "vm") == 0);
  for (const char* file : {"assign_domain", "unassign_domain", "assign_control_domain"}) {
    CHECK(host.on(a, file, "x") == -EBUSY);
  }
  CHECK(host.mask("apmask", "+5") == 2);  // not refused: the queue is taken away
  CHECK(host.driver("05.0014") == "cex4queue");
}

TEST_CASE("the kernel log names queue and owner from 6.0 on, with other words from 6.15 on") {
  Host host(on_kernel(6, 15));
  CHECK(host.mask("apmask", "-5") == 2);
  CHECK(host.on(a, "ap_config", "0x04,0x08,") > 0);
  CHECK(host.on(b, "ap_config", "0x04,0x08,") == -EADDRINUSE);
  CHECK(host.log() == "vfio_ap_mdev " + b +
                          ": Userspace may not assign queue 05.0004 to mdev: already assigned to " + a +
                          "\n");
  CHECK(host.mask("apmask", "+5") == -EBUSY);
  CHECK(host.log().ends_with("vfio_ap_mdev " + a +
                             ": Can not reserve queue 05.0004 for host driver: in use by mdev\n"));
}

TEST_CASE("a mask is compared with the other mask before 6.19, with all queues later") {
  for (const auto& [minor, answer] : {std::pair(18U, 2), std::pair(19U, -EBUSY)}) {
    Host host(on_kernel(6, minor));
    CHECK(host.mask("apmask", "-5") == 2);
    CHECK(host.mask("aqmask", "-4") == 2);
    CHECK(host.on(a, "ap_config", "0x04,0x08,") > 0);
    CHECK(host.mask("apmask", "+5") == answer);  // 05.0004 stays free by aqmask
  }
}

TEST_CASE("driver_override of queues excludes masks") {
  Host host(on_kernel(6, 19));
  CHECK(host.read(queue + "driver_override") == "\n");
  CHECK(host.write(queue + "driver_override", "vfio_ap") == 7);
  CHECK(host.driver("05.0014") == "cex4queue");
  CHECK(host.mask("apmask", "-5") == -EINVAL);
  CHECK(host.write("bus/ap/drivers/cex4queue/unbind", "05.0014") == 7);
  CHECK(host.write("bus/ap/drivers_probe", "05.0014") == 7);
  CHECK(host.driver("05.0014") == "vfio_ap");
  CHECK(host.on(a, "ap_config", "0x04,0x000008,") > 0);
  CHECK(host.of(a, "guest_matrix") == "05.0014\n");
  CHECK(host.on(b, "ap_config", "0x04,0x08,") == -EADDRNOTAVAIL);
  CHECK(host.on(a, "ap_config", ",,") == 2);
  CHECK(host.write(queue + "driver_override", "\n") == 1);
  CHECK(host.mask("apmask", "-5") == 2);
  CHECK(host.write(queue + "driver_override", "vfio_ap") == -EINVAL);
  CHECK(Host(on_kernel(6, 18)).read(queue + "driver_override") == "absent");
}

TEST_CASE("without vfio_ap its queues have no driver") {
  Host host(on_kernel(6, 10));
  CHECK(host.mask("apmask", "-5") == 2);
  CHECK(host.machine.control("unregister matrix") == 0);
  CHECK(host.driver("05.0014") == "absent");
  CHECK(host.driver("06.0014") == "cex4queue");
  CHECK(host.machine.control("register matrix") == 0);
  CHECK(host.driver("05.0014") == "vfio_ap");
}

TEST_CASE("masks that a program sets late change after each boot") {
  sim::Scenario scenario = on_kernel(6, 10);
  scenario.parents.front().ap.late_apmask = "-5";
  scenario.parents.front().ap.late_aqmask = "-4";
  scenario.parents.front().ap.masks_after = sim::Time(2000);
  Host host(scenario);
  host.wait(1999);
  CHECK(host.driver("05.0014") == "cex4queue");
  host.wait(1);
  CHECK(host.driver("05.0014") == "vfio_ap");
  CHECK(host.driver("06.0004") == "vfio_ap");
  CHECK(host.driver("06.0014") == "cex4queue");
  host.machine.control("reboot");
  CHECK(host.driver("05.0014") == "cex4queue");
  host.wait(2000);
  CHECK(host.driver("05.0014") == "vfio_ap");
}
