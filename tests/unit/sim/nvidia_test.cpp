// NVIDIA GPUs with virtual functions: what their files say at each step from power-on to the first vGPU.
#include <algorithm>

#include "catch.hpp"
#include "simulated.hpp"

namespace {

using namespace mdevadm;
using Host = test::Simulated;

const std::string pci = "bus/pci/devices/";
const std::string heading = "ID    : vGPU Name\n";
const std::string no_value = "errno " + std::to_string(ENXIO);

std::string file(const std::string& function, const std::string& name) {
  return pci + function + "/nvidia/" + name;
}

std::string type_file(const std::string& function, int type, const std::string& name) {
  return pci + function + "/mdev_supported_types/nvidia-" + std::to_string(type) + "/" + name;
}

std::string uuid(int number) {
  return "51515151-0000-4000-8000-00000000000" + std::to_string(number);
}

int control(Host& host, const std::string& line) {
  return host.machine.control(line);
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Sets the start of the first GPU of a scenario.
template <typename Change>
sim::Scenario changed(const std::string& name, Change change) {
  sim::Scenario scenario = test::shipped(name);
  change(scenario.parents.front());
  return scenario;
}

std::string log_of(Host& host) {
  return host.read("kernel/mdevsim/log");
}

}  // namespace

TEST_CASE("N1: lists of virtual functions shrink with the vGPUs of the GPU") {
  Host host("l40s");
  const std::string first = "0000:41:00.4";
  const std::string second = "0000:41:00.5";
  CHECK(lines_of(host.read(file(first, "creatable_vgpu_types"))) == 31);
  CHECK(host.write(file(first, "current_vgpu_type"), "1150\n") == 5);
  CHECK(host.read(file(second, "creatable_vgpu_types")) ==
        heading + "1150  : NVIDIA L40S-4Q\n1160  : NVIDIA L40S-4A\n1171  : NVIDIA L40S-4C\n");
  CHECK(host.write(file(second, "current_vgpu_type"), "1151\n") == -EIO);
  CHECK(log_of(host) == "NVRM: Failed to add vgpu create request: 0x56\n");
  CHECK(host.write(file(second, "current_vgpu_type"), "1171\n") == 5);
  CHECK(host.read(file(second, "placement_id")) == "4\n");
  CHECK(host.read(file("0000:41:00.6", "placement_id")) == no_value);
  CHECK(host.write(file("0000:41:00.6", "placement_id"), "4") == -ENXIO);
  CHECK(host.write(file(second, "placement_id"), "8\n") == 2);
  CHECK(host.write(file(second, "placement_id"), "3") == -EIO);
  CHECK(host.write(file(second, "placement_id"), "x") == -EINVAL);
  CHECK(host.write(file(second, "gpu_instance_id"), "1") == -EIO);
  CHECK(host.open(second, "vm") == 0);
  CHECK(host.write(file(second, "placement_id"), "12") == -EPERM);
  CHECK(host.write(file(second, "vgpu_params"), "x=1\n") == -EPERM);
  host.close(second);
}

TEST_CASE("N1: vgpu_params keeps one byte less than was written, until the vGPU is removed") {
  Host host("l40s");
  const std::string function = "0000:41:00.4";
  CHECK(host.read(file(function, "vgpu_params")) == no_value);
  CHECK(host.write(file(function, "current_vgpu_type"), "1150") == 4);
  CHECK(host.read(file(function, "vgpu_params")).empty());
  CHECK(host.write(file(function, "vgpu_params"), "frame_rate_limiter=0\n") == 21);
  CHECK(host.read(file(function, "vgpu_params")) == "frame_rate_limiter=0\n");
  CHECK(host.write(file(function, "vgpu_params"), "frame_rate_limiter=0") == 20);
  CHECK(host.read(file(function, "vgpu_params")) == "frame_rate_limiter=\n");
  CHECK(host.write(file(function, "vgpu_params"), std::string(1025, 'x')) == -E2BIG);
  CHECK(host.write(file(function, "current_vgpu_type"), "0") == 1);
  CHECK(host.write(file(function, "current_vgpu_type"), "1150") == 4);
  CHECK(host.read(file(function, "vgpu_params")).empty());
}

TEST_CASE("N1: a GPU of mixed sizes accepts types that no list contains") {
  Host host("l40s-mixed");
  CHECK(host.write(file("0000:41:00.4", "current_vgpu_type"), "1148") == 4);
  CHECK(host.write(file("0000:41:00.5", "current_vgpu_type"), "1148") == 4);
  CHECK(host.read(file("0000:41:00.6", "creatable_vgpu_types")).find("-24Q") == std::string::npos);
  CHECK(host.write(file("0000:41:00.6", "current_vgpu_type"), "1155") == 4);
  CHECK(host.read(file("0000:41:00.6", "placement_id")) == "24\n");
}

TEST_CASE("N1: in MIG mode the list contains the types of GPU instances with room") {
  Host host("h200");
  const std::string gpu = "0000:1b:00.0";
  const auto names = [&](const std::string& function) {
    return host.read(file(function, "creatable_vgpu_types"));
  };
  CHECK(names("0000:1b:00.4") ==
        heading + "1414  : NVIDIA H200X-1-18C\n1416  : NVIDIA H200X-2-35C\n1417  : NVIDIA H200X-3-71C\n");
  CHECK(host.write(file("0000:1b:00.4", "current_vgpu_type"), "1428") == -EIO);
  CHECK(host.write(file("0000:1b:00.4", "current_vgpu_type"), "1416") == 4);
  CHECK(host.read(file("0000:1b:00.4", "gpu_instance_id")) == "2\n");
  CHECK(host.read(file("0000:1b:00.4", "placement_id")) == "Not Applicable\n");
  CHECK(names("0000:1b:00.5") == heading + "1414  : NVIDIA H200X-1-18C\n1417  : NVIDIA H200X-3-71C\n");
  CHECK(control(host, "instance " + gpu + " destroy 2") == EBUSY);
  CHECK(control(host, "instance " + gpu + " destroy 1") == 0);
  CHECK(control(host, "instance " + gpu + " create 15") == 0);
  CHECK(control(host, "instance " + gpu + " create 0") == ENOSPC);
  CHECK(names("0000:1b:00.5") == heading + "1414  : NVIDIA H200X-1-18C\n1415  : NVIDIA H200X-1-35C\n");
  CHECK(control(host, "mig " + gpu + " off") == EBUSY);
  CHECK(control(host, "mixed " + gpu + " on") == EOPNOTSUPP);
  // Virtual functions are enabled and disabled with the GPU unbound, which destroys the GPU instances.
  CHECK(control(host, "functions " + gpu + " 0") == 0);
  CHECK(control(host, "functions " + gpu + " 32") == 0);
  CHECK(names("0000:1b:00.4") == heading);
  CHECK(host.write(file("0000:1b:00.4", "current_vgpu_type"), "1414") == -EIO);
  CHECK(log_of(host).ends_with("0x38\n"));
  CHECK(control(host, "reboot") == 0);
  CHECK(control(host, "instance " + gpu + " create 19") ==
        EOPNOTSUPP);  // on Hopper, MIG mode ends with the reboot
}

TEST_CASE("N1: several vGPUs share a GPU instance of RTX PRO 6000, whose first function is 2") {
  Host host("rtx-pro-6000");
  CHECK(host.has(pci + "0000:c1:00.2"));
  CHECK_FALSE(host.has(pci + "0000:c1:06.2"));
  CHECK(host.write(file("0000:c1:00.2", "current_vgpu_type"), "1558") == 4);
  CHECK(host.write(file("0000:c1:00.3", "current_vgpu_type"), "1558") == 4);
  CHECK(host.write(file("0000:c1:00.4", "current_vgpu_type"), "1553") == 4);
  CHECK(host.read(file("0000:c1:00.2", "gpu_instance_id")) == "2\n");
  CHECK(host.read(file("0000:c1:00.3", "gpu_instance_id")) == "2\n");
  CHECK(host.read(file("0000:c1:00.3", "placement_id")) == "12\n");
  CHECK(host.read(file("0000:c1:00.4", "gpu_instance_id")) == "3\n");
  CHECK(host.write(file("0000:c1:00.5", "current_vgpu_type"), "1555") == -EIO);
  CHECK(control(host, "mixed 0000:c1:00.0 on 3") == EBUSY);
  CHECK(control(host, "mixed 0000:c1:00.0 on 1") == 0);
}

TEST_CASE("N3: every virtual function is a parent of at most one mediated device") {
  Host host("a40");
  const std::string first = "0000:c1:00.4";
  const std::string second = "0000:c1:00.5";
  CHECK(host.target("class/mdev_bus/" + first).ends_with("/0000:c1:00.4"));
  CHECK_FALSE(host.has(pci + "0000:c1:00.0/mdev_supported_types"));
  CHECK(host.read(type_file(first, 560, "name")) == "NVIDIA A40-4Q\n");
  CHECK(host.read(type_file(first, 560, "description")) ==
        "num_heads=4, frl_config=60, framebuffer=4096M, max_resolution=7680x4320, max_instance=12\n");
  CHECK(host.read(type_file(first, 555, "description")) ==
        "num_heads=4, frl_config=45, framebuffer=1024M, max_resolution=5120x2880, max_instance=32\n");
  CHECK(host.read(type_file(first, 560, "available_instances")) == "1\n");
  CHECK(host.write(type_file(first, 560, "create"), uuid(1)) == 36);
  CHECK(host.read(type_file(first, 560, "available_instances")) == "0\n");
  CHECK(host.read(type_file(second, 560, "available_instances")) == "1\n");
  CHECK(host.read(type_file(second, 561, "available_instances")) == "0\n");
  CHECK(host.write(type_file(second, 561, "create"), uuid(2)) == -EIO);
  CHECK(log_of(host) ==
        "NVRM: Failed to add vgpu create request: 0x56\nvGPU creation failed on device 0xc105. -5\n");
  CHECK(host.write(type_file(first, 560, "create"), uuid(2)) == -EIO);
  CHECK(host.write(type_file(second, 581, "create"), uuid(2)) == 36);
  const std::string device = "bus/mdev/devices/" + uuid(2);
  CHECK(host.read(device + "/nvidia/placement_id") == "Not Applicable\n");  // Ampere, equal sizes
  CHECK(host.read(device + "/nvidia/vm_name") == "\n");
  CHECK(host.open(uuid(2), "vm") == 0);
  CHECK(host.read(device + "/nvidia/vm_name") == "vm\n");
  CHECK(host.write(device + "/nvidia/vgpu_params", "x=1\n") == -EPERM);
  CHECK(control(host, "functions 0000:c1:00.0 0") == EBUSY);
  host.close(uuid(2));
  CHECK(host.write(device + "/remove", "1") == 1);
  CHECK(host.write("bus/mdev/devices/" + uuid(1) + "/remove", "1") == 1);
  CHECK(host.read(type_file(second, 561, "available_instances")) == "1\n");
  CHECK(control(host, "functions 0000:c1:00.0 0") == 0);
  CHECK_FALSE(host.has("class/mdev_bus/" + first));
  CHECK_FALSE(host.has(pci + first));
  CHECK(control(host, "functions 0000:c1:00.0 32") == 0);
  CHECK(host.write(type_file(first, 561, "create"), uuid(1)) == 36);
}

TEST_CASE("N3: removal of a device takes as long as the driver is busy after its user has exited") {
  Host host(changed("a40", [](sim::SimParent& gpu) { gpu.linger = sim::Time(300); }));
  CHECK(host.write(type_file("0000:c1:00.4", 560, "create"), uuid(1)) == 36);
  CHECK(host.open(uuid(1), "vm") == 0);
  host.close(uuid(1));
  CHECK(host.write("bus/mdev/devices/" + uuid(1) + "/remove", "1") == Host::pending);
  CHECK(host.read(type_file("0000:c1:00.5", 561, "available_instances")) == "0\n");
  host.wait(300);
  CHECK(*host.late == 1);
  CHECK(host.read(type_file("0000:c1:00.5", 561, "available_instances")) == "1\n");
}

TEST_CASE("N3: each of the GPUs of a board counts by itself") {
  Host host("a16");
  CHECK(host.write(type_file("0000:40:00.4", 714, "create"), uuid(1)) == 36);
  CHECK(host.read(type_file("0000:40:00.5", 713, "available_instances")) == "0\n");
  CHECK(host.read(type_file("0000:43:00.5", 713, "available_instances")) == "1\n");
}

TEST_CASE("N3: types of GPU instances have available instances, the others have none") {
  Host host("a100");
  const auto available = [&](int type) {
    return host.read(type_file("0000:41:00.4", type, "available_instances"));
  };
  CHECK(available(701) == "1\n");
  CHECK(available(699) == "1\n");
  CHECK(available(703) == "0\n");
  CHECK(available(696) == "0\n");
  CHECK(host.write(type_file("0000:41:00.4", 701, "create"), uuid(1)) == 36);
  CHECK(host.read(type_file("0000:41:00.5", 701, "available_instances")) == "0\n");
  CHECK(host.read("bus/mdev/devices/" + uuid(1) + "/nvidia/gpu_instance_id") == "1\n");
}

TEST_CASE("N3: a function that is bound before the types arrive stays without until its GPU is bound again") {
  sim::Scenario scenario = changed("a40", [](sim::SimParent& gpu) { gpu.vgpud.reset(); });
  Host host(scenario);
  CHECK_FALSE(host.has("class/mdev_bus/0000:c1:00.4"));
  CHECK(host.target(pci + "0000:c1:00.4/driver").ends_with("/nvidia"));
  CHECK(control(host, "vgpud 0000:c1:00.0") == 0);
  CHECK_FALSE(host.has("class/mdev_bus/0000:c1:00.4"));
  CHECK(host.write("bus/pci/drivers/nvidia/unbind", "0000:c1:00.0\n") == 13);
  CHECK(host.write("bus/pci/drivers/nvidia/bind", "0000:c1:00.0\n") == 13);
  CHECK(host.has("class/mdev_bus/0000:c1:00.4"));
}

TEST_CASE("N1: a function shows no types until nvidia-vgpud has run") {
  Host host(changed("l40s", [](sim::SimParent& gpu) { gpu.vgpud = sim::Time(1500); }));
  const std::string list = file("0000:41:00.4", "creatable_vgpu_types");
  CHECK(host.read(list) == heading);
  CHECK(host.write(file("0000:41:00.4", "current_vgpu_type"), "1150") == -EIO);
  CHECK(log_of(host).ends_with("0x57\n"));
  host.wait(1499);
  CHECK(host.read(list) == heading);
  host.wait(1);
  CHECK(lines_of(host.read(list)) == 31);
}

TEST_CASE("SR-IOV: virtual functions appear without driver and are bound one after the other") {
  Host host("l40s-boot");
  const std::string gpu = pci + "0000:41:00.0";
  host.wait(1500);
  CHECK(control(host, "functions 0000:41:00.0 32") == 0);
  CHECK(host.read(gpu + "/sriov_numvfs") == "0\n");
  host.wait(300);
  CHECK(host.read(gpu + "/sriov_numvfs") == "32\n");
  CHECK(host.has(pci + "0000:41:00.4/iommu_group"));
  CHECK_FALSE(host.has(pci + "0000:41:00.4/driver"));
  CHECK_FALSE(host.has(pci + "0000:41:00.4/nvidia"));
  host.wait(30);
  CHECK(host.has(file("0000:41:00.4", "current_vgpu_type")));
  CHECK_FALSE(host.has(pci + "0000:41:00.5/nvidia"));
  for (int i = 0; i < 31; ++i) {
    host.wait(30);
  }
  CHECK(host.has(pci + "0000:41:04.3/nvidia"));
  CHECK(control(host, "reboot") == 0);
  CHECK(host.read(gpu + "/sriov_numvfs") == "0\n");
}

TEST_CASE("SR-IOV: without an IOMMU virtual functions have no driver") {
  sim::Scenario scenario = test::shipped("l40s");
  scenario.iommu = false;
  Host host(scenario);
  CHECK(host.has(pci + "0000:41:00.4/physfn"));
  CHECK_FALSE(host.has(pci + "0000:41:00.4/driver"));
  CHECK_FALSE(host.has(pci + "0000:41:00.4/iommu_group"));
  CHECK(log_of(host).starts_with(
      "NVRM: Aborting probe for VF 0000:41:00.4 since IOMMU is not present on the system.\n"));
}

TEST_CASE("SR-IOV: sriov_numvfs answers as the PCI core") {
  Host host("flex");
  const std::string numvfs = pci + "0000:4d:00.0/sriov_numvfs";
  CHECK(host.write(numvfs, "x") == -EINVAL);
  CHECK(host.write(numvfs, "32") == -ERANGE);
  CHECK(host.write(numvfs, "0\n") == 2);
  CHECK(host.write(numvfs, "4\n") == 2);
  CHECK(host.write(numvfs, "4") == 1);
  CHECK(host.write(numvfs, "8") == -EBUSY);
  CHECK(host.target(pci + "0000:4d:00.1/driver").ends_with("/i915"));
  CHECK(host.write(numvfs, "0") == 1);
  CHECK_FALSE(host.has(pci + "0000:4d:00.1"));
  CHECK(host.write(pci + "0000:4d:00.0/sriov_drivers_autoprobe", "0") == 1);
  CHECK(host.write(numvfs, "2") == 1);
  CHECK_FALSE(host.has(pci + "0000:4d:00.1/driver"));
  CHECK(host.write(pci + "0000:4d:00.1/driver_override", "vfio-pci\n") == 9);
  CHECK(host.write("bus/pci/drivers_probe", "0000:4d:00.1") == 12);
  CHECK(host.target(pci + "0000:4d:00.1/driver").ends_with("/vfio-pci"));
  CHECK(host.open("0000:4d:00.1", "vm") == 0);
  CHECK(host.write(numvfs, "0") == Host::pending);  // waits for the virtual machine
  host.close("0000:4d:00.1");
  CHECK(*host.late == 1);
  CHECK_FALSE(host.has(pci + "0000:4d:00.1"));
}

TEST_CASE("SR-IOV: functions are enabled through pci-pf-stub, which destroys what the GPU had") {
  Host host(changed("l40s-mixed", [](sim::SimParent& gpu) { gpu.functions_enabled = 0; }));
  const std::string gpu = "0000:41:00.0";
  const std::string drivers = "bus/pci/drivers/";
  CHECK(host.read("kernel/mdevsim/gpus/" + gpu + "/status").find("heterogeneous_mode=Enabled") !=
        std::string::npos);
  CHECK(host.write(pci + gpu + "/sriov_numvfs", "32") == -ENOENT);
  CHECK(log_of(host) == "pci 0000:41:00.0: driver does not support SR-IOV configuration via sysfs\n");
  CHECK(host.write(drivers + "nvidia/bind", gpu) == -EBUSY);
  CHECK(host.write(drivers + "pci-pf-stub/bind", gpu) == -ENODEV);
  CHECK(host.write(drivers + "nvidia/unbind", gpu) == 12);
  CHECK(host.write(drivers + "nvidia/unbind", gpu) == -ENODEV);
  CHECK(host.write(drivers + "pci-pf-stub/new_id", "10de") == -EINVAL);
  CHECK(host.write(drivers + "pci-pf-stub/new_id", "10de 26b9\n") == 10);
  CHECK(host.target(pci + gpu + "/driver").ends_with("/pci-pf-stub"));
  CHECK(host.write(pci + gpu + "/sriov_numvfs", "32") == 2);
  CHECK(host.target(pci + "0000:41:00.4/driver").ends_with("/pci-pf-stub"));  // the same device id
  CHECK(host.write(drivers + "pci-pf-stub/unbind", gpu) == 12);
  CHECK(host.write(drivers + "pci-pf-stub/remove_id", "10de 26b9") == 9);
  CHECK(host.write(drivers + "pci-pf-stub/remove_id", "10de 26b9") == -ENODEV);
  CHECK(host.write(drivers + "nvidia/bind", "0000:41:00.9") == -ENODEV);
  CHECK(host.write(drivers + "nvidia/bind", gpu) == 12);
  CHECK(host.write(drivers + "pci-pf-stub/unbind", "0000:41:00.4") == 12);
  CHECK(host.write(drivers + "nvidia/bind", "0000:41:00.4") == 12);
  CHECK(host.has(file("0000:41:00.4", "current_vgpu_type")));
  CHECK(host.read("kernel/mdevsim/gpus/" + gpu + "/status").find("heterogeneous_mode=Disabled") !=
        std::string::npos);
  // A function that is bound again takes no type any more.
  CHECK(host.write(drivers + "nvidia/unbind", "0000:41:00.4") == 12);
  CHECK(host.write(drivers + "nvidia/bind", "0000:41:00.4") == 12);
  CHECK(host.write(file("0000:41:00.4", "current_vgpu_type"), "1150") == -EIO);
  CHECK(log_of(host).ends_with("vfio_pci_core_device not found\n"));
}

TEST_CASE("SR-IOV: a GPU may be bound to another driver, or to none") {
  Host host(changed("l40s", [](sim::SimParent& gpu) {
    gpu.bound = "vfio-pci";
    gpu.functions_enabled = 0;
  }));
  const std::string gpu = "0000:41:00.0";
  CHECK(host.target(pci + gpu + "/driver").ends_with("/vfio-pci"));
  CHECK(host.read(pci + gpu + "/uevent") == "DRIVER=vfio-pci\nPCI_SLOT_NAME=" + gpu + "\n");
  CHECK(host.write(pci + gpu + "/sriov_numvfs", "1") == -ENOENT);
  CHECK(host.open(gpu, "vm") == 0);
  CHECK(host.write("bus/pci/drivers/vfio-pci/unbind", gpu) == Host::pending);
  host.close(gpu);
  CHECK(*host.late == 12);
  CHECK(host.read(pci + gpu + "/uevent") == "PCI_SLOT_NAME=" + gpu + "\n");
  CHECK(host.write("bus/pci/drivers/nvidia/bind", gpu) == 12);
}

TEST_CASE("SR-IOV: the unbind lock of a GPU is refused while a client is open") {
  Host host("l40s");
  const std::string lock = "kernel/mdevsim/gpus/0000:41:00.0/unbindLock";
  CHECK(control(host, "client 0000:41:00.0 on") == 0);
  CHECK(host.write(lock, "1\n") == 2);
  CHECK(host.read(lock) == "0\n");
  CHECK(control(host, "client 0000:41:00.0 off") == 0);
  CHECK(host.write(lock, "1\n") == 2);
  CHECK(host.read(lock) == "1\n");
  CHECK(control(host, "client 0000:41:00.1 off") == ENODEV);
  CHECK(control(host, "client 0000:41:00.0 maybe") == EINVAL);
}

TEST_CASE("SR-IOV: a GPU is not in use because another one is") {
  sim::Scenario scenario = test::shipped("l40s");
  scenario.parents.push_back(scenario.parents.front());
  scenario.parents.back().name = "0000:81:00.0";
  Host host(scenario);
  CHECK(host.write(file("0000:41:00.4", "current_vgpu_type"), "1150") == 4);
  CHECK(host.machine.open("0000:41:00.4", "vm") == 0);
  host.nodes.open.insert("devices/vfio0");  // the function's own node
  CHECK(control(host, "opened 0000:41:00.4") == 0);
  CHECK(control(host, "functions 0000:41:00.0 0") == EBUSY);
  CHECK(control(host, "reboot") == EBUSY);
  CHECK(control(host, "functions 0000:81:00.0 0") == 0);
}

TEST_CASE("SR-IOV: binding fails and takes time as configured") {
  Host host("l40s-boot");
  CHECK(control(host, "functions 0000:41:00.0 2") == 0);
  for (const int time : {300, 30, 30}) {
    host.wait(time);
  }
  CHECK(host.write("bus/pci/drivers/nvidia/unbind", "0000:41:00.5") == 12);
  CHECK(host.write("bus/pci/drivers/nvidia/bind", "0000:41:00.5") == Host::pending);
  host.wait(30);
  CHECK(*host.late == 12);
  CHECK(host.write("bus/pci/drivers/nvidia/bind", "0000:41:00.4") == -EBUSY);
  CHECK(control(host, "fault bind 1 EIO") == 0);
  CHECK(host.write("bus/pci/drivers/nvidia/unbind", "0000:41:00.5") == 12);
  CHECK(host.write("bus/pci/drivers/nvidia/bind", "0000:41:00.5") == Host::pending);
  host.wait(30);
  CHECK(*host.late == -EIO);
}
