// Interfaces proposed before mainline (the flat interface of 2016, the layout of the KVM Forum) and vGPUs
// without mdev.
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
const std::string vm = "eeeeeeee-0000-4000-8000-00000000000e";
const std::string devices = "bus/mdev/devices/";
const std::string gpu = "bus/pci/devices/0000:86:00.0/";

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("K0: types have bare names and disappear when they have no available instances") {
  Host host("m60-k0");
  const std::string types = gpu + "mdev_supported_types/";
  CHECK(host.read(types + "17/max_instances") == "2\n");
  CHECK(host.read(types + "17/available_instances") == "absent");
  CHECK_FALSE(host.has("class/mdev_bus/0000:86:00.0"));
  CHECK(host.write(types + "17/create", a) == 36);
  CHECK(host.has(types + "17"));
  CHECK_FALSE(host.has(types + "11"));
  CHECK(host.write(types + "17/create", b) == 36);
  CHECK(host.has(types + "17"));
  CHECK(host.write(types + "17/create", c) == -ENOSPC);
  CHECK(host.open(a, "vm") == 0);
  CHECK(host.write(devices + a + "/remove", "1") == -EBUSY);
  host.close(a);
  CHECK(host.write(devices + a + "/remove", "1") == 1);
  CHECK(host.write(devices + b + "/remove", "1") == 1);
  CHECK(host.has(types + "11"));
  CHECK(host.read(types + "11/max_instances") == "16\n");
}

TEST_CASE("K0: one central file can replace the remove attributes of devices") {
  sim::Scenario scenario = test::shipped("m60-k0");
  scenario.parents.front().central_remove = true;
  Host host(scenario);
  host.write(gpu + "mdev_supported_types/17/create", a);
  CHECK_FALSE(host.has(devices + a + "/remove"));
  CHECK(host.write(gpu + "mdev_destroy", "nonsense") == -EINVAL);
  CHECK(host.write(gpu + "mdev_destroy", b) == -ENODEV);
  CHECK(host.write(gpu + "mdev_destroy", a + "\n") == 37);
  CHECK_FALSE(host.has(devices + a));
}

TEST_CASE("K1: create with a group number adds the device to this IOMMU group") {
  Host host("m60-k1");
  const std::string create = gpu + "mdev_supported_types/14/create";
  CHECK(host.write(create, a) == 36);
  const std::string group = host.group_of(a);
  CHECK(host.write(create, b + ":" + group + "\n") == 39);
  CHECK(host.group_of(b) == group);
  CHECK(host.nodes.there.size() == 1);
  CHECK(host.write(create, c + ":") == -EINVAL);
  CHECK(host.write(create, c + ":x") == -EINVAL);
  CHECK(host.write(create, c + ":77") == -ENODEV);
  CHECK(host.open(a, "vm") == 0);
  CHECK(host.open(b, "vm") == 0);
  CHECK(host.open(b, "other") == EBUSY);
  CHECK(host.write(create, c + ":" + group) == -EBUSY);
  CHECK(host.write(create, c) == 36);
  CHECK(host.group_of(c) != group);
}

TEST_CASE("K1: create into a group that is removed during the create still succeeds") {
  Host host("m60-k1");
  const std::string create = gpu + "mdev_supported_types/14/create";
  CHECK(host.write(create, a) == 36);
  host.machine.control("delay create 100");
  CHECK(host.write(create, b + ":" + host.group_of(a)) == Host::pending);
  const auto answer = host.late;
  CHECK(host.write(devices + a + "/remove", "1") == 1);
  host.wait(100);
  CHECK(*answer > 0);
  CHECK(host.nodes.there.size() == 1);
}

TEST_CASE("K2: devices with equal peer_to_peer_resource_uuid share a group until one gets another UUID") {
  Host host("m60-k2");
  const std::string create = gpu + "mdev_supported_types/14/create";
  for (const std::string& uuid : {a, b, c}) {
    CHECK(host.write(create, uuid) == 36);
  }
  const auto peers = [&](const std::string& uuid) { return devices + uuid + "/peer_to_peer_resource_uuid"; };
  const std::string own = host.read(peers(a));
  CHECK(Uuid::parse(own.substr(0, 36)).has_value());
  CHECK(own != host.read(peers(b)));
  CHECK(host.write(peers(b), own) == 37);
  CHECK(host.read(peers(b)) == own);
  CHECK(host.group_of(a) == host.group_of(b));
  CHECK(host.nodes.there.size() == 2);
  CHECK(host.write(peers(c), "no uuid") == -EINVAL);
  CHECK(host.open(a, "vm") == 0);
  CHECK(host.write(peers(c), own) == -EBUSY);
  CHECK(host.write(peers(b), vm) == -EBUSY);
  CHECK(host.write(peers(b), own) == 37);  // the current value
  host.close(a);
  CHECK(host.write(peers(b), vm) == 36);
  CHECK(host.group_of(a) != host.group_of(b));
  host.machine.control("fault join 1 ENOSPC");
  CHECK(host.write(peers(b), own) == -ENOSPC);
}

TEST_CASE("K2: the first open of a peer-to-peer set fails with ENOSPC without peer-to-peer resources") {
  sim::Scenario scenario = test::shipped("m60-k2");
  scenario.parents.front().peer_budget = 1;
  Host host(scenario);
  host.write(gpu + "mdev_supported_types/14/create", a);
  host.write(gpu + "mdev_supported_types/14/create", b);
  CHECK(host.open(a, "vm") == 0);
  host.close(a);
  host.write(devices + b + "/peer_to_peer_resource_uuid",
             host.read(devices + a + "/peer_to_peer_resource_uuid"));
  CHECK(host.open(a, "vm") == ENOSPC);
}

TEST_CASE("F2: types are listed in a table that omits types without available instances") {
  Host host("m60-f2");
  const std::string idle = host.read(gpu + "mdev_supported_types");
  CHECK(idle.starts_with(
      "# vgpu_type_id, vgpu_type, max_instance, num_heads, frl_config, framebuffer, max_resolution\n"));
  CHECK(idle.find("17     ,\"GRID M60-4Q\",       2,       4,      60,   4096M,3840x2160\n") !=
        std::string::npos);
  CHECK(idle.ends_with("\n\n"));
  CHECK(lines(idle) == 10);
  CHECK(host.write(gpu + "mdev_create", a + ":vgpu_type_id=17,vm_uuid=" + vm + "\n") > 0);
  CHECK(lines(host.read(gpu + "mdev_supported_types")) == 3);
  CHECK(host.read(gpu + "mdev_supported_types").find("M60-4Q\",       2") != std::string::npos);
  CHECK(host.write(gpu + "mdev_create", b + ":vgpu_type_id=17,vm_uuid=" + vm) > 0);
  CHECK(lines(host.read(gpu + "mdev_supported_types")) == 2);
}

TEST_CASE("F2: create requires a type from the table and the UUID of a VM") {
  Host host("m60-f2");
  const std::string create = gpu + "mdev_create";
  for (const std::string& bad : std::vector<std::string>{
           "", ":", ":vgpu_type_id=17", ":vm_uuid=" + vm, ":vgpu_type_id=20,vm_uuid=" + vm,
           ":vgpu_type_id=17,vm_uuid=nonsense", ":vgpu_type_id=17,vm_uuid=" + vm + ",x=1"}) {
    CAPTURE(bad);
    CHECK(host.write(create, a + bad) == -EINVAL);
  }
  CHECK(host.write(create, "nonsense:vgpu_type_id=17,vm_uuid=" + vm) == -EINVAL);
  const std::string words = ":vgpu_type_id=17,vm_uuid=" + vm;
  CHECK(host.write(create, a + words) > 0);
  CHECK(host.write(create, a + words) == -EEXIST);
  CHECK(host.write(create, b + ":vgpu_type_id=14,vm_uuid=" + vm) == -ENOSPC);
  CHECK(host.write(gpu + "mdev_destroy", b) == -ENODEV);
  CHECK(host.write(gpu + "mdev_destroy", a + ":x\n") > 0);
  CHECK_FALSE(host.has(devices + a));
}

TEST_CASE("F2: the order create and online and open is enforced and undone in reverse") {
  Host host("m60-f2");
  const auto make = [&](const std::string& uuid) {
    return host.write(gpu + "mdev_create", uuid + ":vgpu_type_id=14,vm_uuid=" + vm);
  };
  const auto online = [&](const std::string& uuid, const std::string& value) {
    return host.write(devices + uuid + "/online", value);
  };
  CHECK(make(a) > 0);
  CHECK(make(b) > 0);
  CHECK(host.read(devices + a + "/online") == "0\n");
  CHECK(online(a, "0") == -EINVAL);
  CHECK(online(a, "x") == -EINVAL);
  CHECK(online(a, "1\n") == 2);
  CHECK(online(a, "1") == -EINVAL);
  CHECK(make(c) == -EBUSY);
  CHECK(host.open(a, "vm") == EINVAL);
  CHECK(online(b, "1") == 1);
  CHECK(host.open(a, "vm") == 0);
  CHECK(online(a, "0") == -EBUSY);
  host.close(a);
  CHECK(host.write(gpu + "mdev_destroy", a) == -EBUSY);
  CHECK(online(a, "0") == 1);
  CHECK(online(b, "0") == 1);
  CHECK(make(c) > 0);
  CHECK(host.write(gpu + "mdev_destroy", a) > 0);
  CHECK(host.machine.events().find("online@/devices/pci0000:86/0000:86:00.0/" + a) != std::string::npos);
}

TEST_CASE("F2: settings allow hotplug and repeated states and limit peer-to-peer resources") {
  sim::Scenario scenario = test::shipped("m60-f2");
  scenario.parents.front().hotplug = true;
  scenario.parents.front().accepts_same_state = true;
  scenario.parents.front().peer_budget = 1;
  Host host(scenario);
  const auto make = [&](const std::string& uuid) {
    return host.write(gpu + "mdev_create", uuid + ":vgpu_type_id=14,vm_uuid=" + vm);
  };
  CHECK(make(a) > 0);
  CHECK(host.write(devices + a + "/online", "1") == 1);
  CHECK(host.write(devices + a + "/online", "1") == 1);
  CHECK(make(b) > 0);
  CHECK(host.write(devices + b + "/online", "1") == -ENOSPC);
}

TEST_CASE("F1: instances of one UUID are started and stopped together") {
  Host host("m60-f1");
  const std::string create = gpu + "mdev_create";
  CHECK(host.write(create, vm + ":0:vgpu_type_id=14\n") > 0);
  CHECK(host.write(create, vm + ":0x1:vgpu_type_id=14") > 0);
  CHECK(host.has(devices + vm + "-0"));
  CHECK(host.has(devices + vm + "-1"));
  CHECK(host.write(create, vm + ":1:vgpu_type_id=14") == -EEXIST);
  CHECK(host.write(create, vm) == -EINVAL);
  CHECK(host.write(create, vm + ":x:vgpu_type_id=14") == -EINVAL);
  CHECK(host.write(create, vm + ":2") == -EINVAL);  // this driver requires create arguments
  CHECK(host.open(vm + "-0", "vm") == EINVAL);
  CHECK(host.write("class/mdev/mdev_start", a) == -EINVAL);
  CHECK(host.write("class/mdev/mdev_start", vm + "\n") > 0);
  CHECK(host.open(vm + "-0", "vm") == 0);
  CHECK(host.write("class/mdev/mdev_stop", vm) == -EBUSY);
  CHECK(host.write(gpu + "mdev_destroy", vm + ":0") == -EBUSY);
  host.close(vm + "-0");
  CHECK(host.write("class/mdev/mdev_stop", vm) > 0);
  CHECK(host.write(gpu + "mdev_destroy", vm) == -EINVAL);
  CHECK(host.write(gpu + "mdev_destroy", vm + ":0:x") == -EINVAL);
  CHECK(host.write(gpu + "mdev_destroy", vm + ":7") == -EINVAL);
  CHECK(host.write(gpu + "mdev_destroy", vm + ":0\n") > 0);
  CHECK_FALSE(host.has(devices + vm + "-0"));
}

TEST_CASE("F0: create arguments are required and all errors are EINVAL and UUIDs are parsed loosely") {
  Host host("m60-f0");
  const std::string create = gpu + "mdev_create";
  CHECK(host.write(create, vm + ":0") == -EINVAL);
  CHECK(host.write(create, "eeeeeeee0000400080000000-0000000e:0:vgpu_type_id=17") > 0);
  CHECK(host.has(devices + vm + "-0"));
  CHECK(host.write(create, vm + ":0:vgpu_type_id=17") == -EINVAL);
  CHECK(host.write(create, vm + ":1:vgpu_type_id=14") == -EINVAL);
  CHECK(host.has("class/mdev/mdev_shutdown"));
  CHECK_FALSE(host.has("class/mdev/mdev_stop"));
  CHECK(host.read(gpu + "mdev_supported_types").size() <= 1024);
}

TEST_CASE("F3: all files are below mdev-host and destroy succeeds for a device in use") {
  Host host("m60-f3");
  const std::string home = gpu + "mdev-host/";
  CHECK(host.read(gpu + "mdev_supported_types") == "absent");
  CHECK(host.write(home + "mdev_create", a + ":vgpu_type_id=17,vm_uuid=" + vm) > 0);
  CHECK(host.target(devices + a) == "../../../devices/pci0000:86/0000:86:00.0/mdev-host/" + a);
  CHECK_FALSE(host.has(devices + a + "/online"));
  CHECK(host.write(home + "mdev_destroy", b) == -ENODEV);
  CHECK(host.open(a, "vm") == 0);
  CHECK(host.write(home + "mdev_destroy", a) == 36);
  CHECK_FALSE(host.has(devices + a));
}

TEST_CASE("N1: vGPU types of virtual functions follow the rules of the shipped NVIDIA driver") {
  Host host("vf-n1");
  const auto file = [](int function, const std::string& name) {
    return "bus/pci/devices/0000:41:00.0/virtfn" + std::to_string(function) + "/nvidia/" + name;
  };
  const auto set = [&](int function, const std::string& value) {
    return host.write(file(function, "current_vgpu_type"), value);
  };
  CHECK(host.target("bus/pci/devices/0000:41:00.4/physfn") == "../0000:41:00.0");
  CHECK(host.target("bus/pci/devices/0000:41:00.0/virtfn7") == "../0000:41:01.3");
  CHECK(
      host.read(file(0, "creatable_vgpu_types")).starts_with("ID    : vGPU Name\n1147  : NVIDIA L40S-1Q\n"));
  CHECK(host.read(file(0, "current_vgpu_type")) == "0\n");
  CHECK(host.read(file(0, "placement_id")) == "errno " + std::to_string(ENXIO));
  CHECK(host.open("0000:41:00.4", "vm") == ENODEV);
  CHECK(set(0, "0") == -EPERM);
  CHECK(set(0, "nvidia-1149") == -EINVAL);
  CHECK(set(0, "0x47d") == -EINVAL);
  CHECK(set(0, "99999999999999999999") == -ERANGE);
  CHECK(set(0, "4711") == -EIO);
  CHECK(set(0, "1149\n") == 5);
  CHECK(host.read(file(0, "current_vgpu_type")) == "1149\n");
  CHECK(host.read(file(0, "creatable_vgpu_types")) == "ID    : vGPU Name\n");
  CHECK(host.read(file(0, "placement_id")) == "0\n");
  CHECK(host.read(file(1, "creatable_vgpu_types")) ==
        "ID    : vGPU Name\n1149  : NVIDIA L40S-4Q\n1160  : NVIDIA L40S-4C\n");
  CHECK(set(0, "1149") == -EPERM);
  CHECK(set(1, "1147") == -EIO);
  CHECK(set(1, "1160") == 4);
  CHECK(host.open("0000:41:00.4", "vm") == 0);
  CHECK(set(0, "0") == -EPERM);
  host.close("0000:41:00.4");
  CHECK(set(0, "0") == 1);
  CHECK(host.write("bus/pci/devices/0000:41:00.0/sriov_numvfs", "0") == -ENOENT);
  CHECK(host.machine.control("functions 0000:41:00.0 0") == 0);
  CHECK_FALSE(host.has("bus/pci/devices/0000:41:00.4"));
  CHECK(host.machine.control("functions 0000:41:00.0 9") == ERANGE);
  CHECK(host.machine.control("functions 0000:41:00.0 8") == 0);
  CHECK(host.read(file(1, "current_vgpu_type")) == "0\n");
}

TEST_CASE("N1: resetting a function blocks after its user has exited for at most five seconds") {
  sim::Scenario scenario = test::shipped("vf-n1");
  scenario.parents.front().linger = std::chrono::milliseconds(300);
  Host host(scenario);
  const std::string file = "bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type";
  host.write(file, "1149");
  host.open("0000:41:00.4", "vm");
  host.close("0000:41:00.4");
  CHECK(host.write(file, "0") == Host::pending);
  host.wait(300);
  CHECK(*host.late == 1);
  scenario.parents.front().linger = std::chrono::milliseconds(60000);
  Host stuck(scenario);
  stuck.write(file, "1149");
  stuck.open("0000:41:00.4", "vm");
  stuck.close("0000:41:00.4");
  CHECK(stuck.write(file, "0") == Host::pending);
  stuck.wait(5000);
  CHECK(*stuck.late == -EBUSY);
}

TEST_CASE("N2: vGPU types of virtual functions follow the rules of the driver proposed upstream") {
  Host host("vf-n2");
  const auto file = [](int function, const std::string& name) {
    return "bus/pci/devices/0000:41:00.0/virtfn" + std::to_string(function) + "/nvidia/" + name;
  };
  const auto set = [&](int function, const std::string& value) {
    return host.write(file(function, "current_vgpu_type"), value);
  };
  CHECK(host.read(file(0, "vgpu_params")) == "absent");
  CHECK(set(0, "0") == 1);
  CHECK(set(0, "4711") == -ENODEV);
  CHECK(set(0, "1150") == 4);
  CHECK(host.read(file(0, "creatable_vgpu_types")).empty());
  CHECK(host.read(file(1, "creatable_vgpu_types")) == "1150  : NVIDIA L40S-6Q\n");
  CHECK(set(1, "1149") == -EINVAL);
  CHECK(set(0, "1149") == 4);  // replaces the type
  CHECK(host.open("0000:41:00.4", "vm") == 0);
  CHECK(set(0, "1149") == -EBUSY);
  CHECK(set(0, "0") == -EBUSY);
  host.close("0000:41:00.4");
  CHECK(set(0, "1155") == 4);
  CHECK(set(1, "1155") == -ENOSPC);
  CHECK(set(0, "0") == 1);
  CHECK(host.write("bus/pci/devices/0000:41:00.0/sriov_numvfs", "4") == -EBUSY);
  CHECK(host.write("bus/pci/devices/0000:41:00.0/sriov_numvfs", "0\n") == 2);
  CHECK(host.write("bus/pci/devices/0000:41:00.0/sriov_numvfs", "4\n") == 2);
  CHECK(host.has(file(3, "current_vgpu_type")));
  CHECK_FALSE(host.has(file(4, "current_vgpu_type")));
}
