#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/guest.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const Uuid a = *Uuid::parse("8f3c2a10-0000-0000-0000-000000000001");
const Uuid b = *Uuid::parse("8f3c2a10-0000-0000-0000-000000000002");
const Uuid vm = *Uuid::parse("8f3c2a10-0000-0000-0000-0000000000ff");
const ParentName gpu = *ParentName::parse("0000:41:00.0");

Definition defined(const Uuid& uuid, const char* parent, const char* type, const char* name = nullptr) {
  Definition definition{uuid, *ParentName::parse(parent), *TypeName::parse(type)};
  definition.name = name != nullptr ? Label::parse(name) : std::nullopt;
  return definition;
}

Snapshot host_with(const char* api, bool named_by_function = false) {
  Snapshot seen;
  Parent parent{.name = gpu, .path = "sys/devices/pci0000:40/0000:41:00.0"};
  parent.capabilities.named_by_function = named_by_function;
  parent.types.push_back({.id = *TypeName::parse("t-1"), .device_api = api});
  seen.parents.push_back(std::move(parent));
  return seen;
}

GuestDevice guest_of(const Snapshot& seen, const Definition& definition) {
  return guest_device(seen, {"x", definition.uuid, seen.find_device(definition.uuid), {&definition}},
                      "cannot export 'x'");
}

std::string text_of(const QemuProperties& properties, const std::string& key) {
  for (const auto& [name, value] : properties) {
    if (name == key) {
      const bool* truth = std::get_if<bool>(&value);
      return truth != nullptr ? (*truth ? "true" : "false") : std::get<std::string>(value);
    }
  }
  return "(none)";
}

}  // namespace

TEST_CASE("the driver in QEMU is the device API of the type, or that of the parent's kind") {
  CHECK(guest_of(host_with("vfio-pci"), defined(a, "0000:41:00.0", "t-1")).api == "vfio-pci");
  CHECK(guest_of(host_with("vfio-ccw"), defined(a, "0000:41:00.0", "t-1")).api == "vfio-ccw");
  CHECK(guest_of({}, defined(a, "matrix", "vfio_ap-passthrough")).api == "vfio-ap");
  CHECK(guest_of({}, defined(a, "0.0.0313", "vfio_ccw-io")).api == "vfio-ccw");
  CHECK(guest_of({}, defined(a, "mtty", "mtty-1")).api == "vfio-pci");
  CHECK_THROWS_AS(guest_of(host_with("vfio-platform"), defined(a, "0000:41:00.0", "t-1")), Error);
}

TEST_CASE("a mediated device is given by its name on the mdev bus and a virtual function by its address") {
  const GuestDevice mediated = guest_of(host_with("vfio-pci"), defined(a, "0000:41:00.0", "t-1"));
  CHECK(mediated.kernel_name == a.str());
  CHECK(mediated.vf.empty());
  Definition definition = defined(a, "0000:41:00.0", "1147");
  const GuestDevice unassigned = guest_of(host_with("vfio-pci", true), definition);
  CHECK(unassigned.kind == GuestDevice::Kind::function);
  CHECK((unassigned.vf + unassigned.kernel_name).empty());
  CHECK_THROWS_AS(qemu_properties(unassigned, "x", {}, ""), Error);  // no VF is reserved
  definition.function = FunctionName::parse("0000:41:00.4");
  const GuestDevice function = guest_of(host_with("vfio-pci", true), definition);
  CHECK(function.vf == "0000:41:00.4");
  CHECK(function.kernel_name.empty());
  CHECK(guest_of({}, definition).vf == "0000:41:00.4");  // without its parent
}

TEST_CASE("a device that the kernel names is known by this name as soon as it is active") {
  Snapshot seen = host_with("vfio-pci");
  seen.parents.front().capabilities.numbered = true;
  const Definition definition = defined(a, "0000:41:00.0", "t-1");
  const GuestDevice inactive = guest_of(seen, definition);
  CHECK(inactive.kind == GuestDevice::Kind::numbered);
  CHECK(inactive.kernel_name.empty());
  CHECK_THROWS_AS(qemu_properties(inactive, "x", {}, ""), Error);
  CHECK_THROWS_AS(require_libvirt_can(inactive, false, ""), Error);
  seen.devices.push_back({.uuid = a, .parent = gpu});
  seen.devices.back().name = a.str() + "-3";
  const GuestDevice active = guest_of(seen, definition);
  CHECK(active.kernel_name == a.str() + "-3");
  CHECK(text_of(qemu_properties(active, "x", {}, ""), "sysfsdev") ==
        "/sys/bus/mdev/devices/" + a.str() + "-3");
  CHECK_THROWS_AS(require_libvirt_can(active, false, ""), Error);
}

TEST_CASE("libvirt shows displays of mediated devices only") {
  GuestDevice device{.uuid = a, .parent = gpu, .api = "vfio-pci", .kernel_name = a.str()};
  CHECK_NOTHROW(require_libvirt_can(device, true, ""));
  device = {.uuid = a, .parent = gpu, .kind = GuestDevice::Kind::function, .vf = "0000:41:00.4"};
  CHECK_NOTHROW(require_libvirt_can(device, false, ""));
  CHECK_THROWS_AS(require_libvirt_can(device, true, ""), Error);
}

TEST_CASE("a device without a known path is not one of the virtual machine") {
  const GuestDevice unassigned{.uuid = a, .parent = gpu, .kind = GuestDevice::Kind::function};
  CHECK_FALSE(AttachedDevice{.id = "x"}.is(unassigned));
  CHECK_FALSE(AttachedDevice{.id = "x", .vf = "0000:41:00.4"}.is(unassigned));
}

TEST_CASE("an active device is given by the virtual function that it is on") {
  Snapshot seen = host_with("vfio-pci", true);
  seen.devices.push_back({.uuid = a, .parent = gpu, .type = TypeName::parse("t-1")});
  seen.devices.back().vf = "0000:41:00.7";
  Definition definition = defined(a, "0000:41:00.0", "t-1", "seat");
  definition.function = FunctionName::parse("0000:41:00.4");
  const GuestDevice device = guest_of(seen, definition);
  CHECK(device.vf == "0000:41:00.7");
  CHECK(device.name == "seat");
}

TEST_CASE("IDs in QEMU begin with a letter and are all different") {
  std::vector<GuestDevice> devices(5, {.uuid = a, .parent = gpu});
  devices[0].name = "seat 1,id=\"x\"";
  devices[1].name = "seat 1;id='x'";
  devices[2].name = "0815";
  devices[4].name = std::string(200, 'n');
  const std::vector<std::string> ids = qemu_ids(devices);
  CHECK(ids[0] == "seat_1_id__x_");
  CHECK(ids[1] == "seat_1_id__x_-2");
  CHECK(ids[2] == "mdev-0815");
  CHECK(ids[3] == "mdev-8f3c2a10-0000-0000-0000-000000000001");
  CHECK(ids[4].size() == 60);
}

TEST_CASE("properties in QEMU follow the kind of device and the options") {
  GuestDevice device{.uuid = a, .parent = gpu, .api = "vfio-pci", .kernel_name = a.str()};
  const QemuProperties plain = qemu_properties(device, "x", {}, "");
  CHECK(plain.front().first == "driver");
  CHECK(text_of(plain, "driver") == "vfio-pci");
  CHECK(text_of(plain, "sysfsdev") == "/sys/bus/mdev/devices/" + a.str());
  CHECK(text_of(plain, "display") == "(none)");
  const QemuProperties shown =
      qemu_properties(device, "x", {.iommufd = true, .display = false, .ramfb = true}, "");
  CHECK(text_of(shown, "driver") == "vfio-pci-nohotplug");
  CHECK(text_of(shown, "display") == "on");
  CHECK(text_of(shown, "ramfb") == "true");
  CHECK(text_of(shown, "iommufd") == "iommufd0");
  device.kind = GuestDevice::Kind::function;
  device.vf = "0000:41:00.4";
  CHECK(text_of(qemu_properties(device, "x", {}, ""), "host") == "0000:41:00.4");
  device.api = "vfio-ap";
  CHECK_THROWS_AS(qemu_properties(device, "x", {.iommufd = false, .display = true, .ramfb = false}, ""),
                  Error);
}

TEST_CASE(
    "the UUID of the virtual machine is the given one, or else that of the group, arguments or first "
    "device") {
  GuestDevices devices{.all = {{.uuid = a, .parent = gpu}, {.uuid = b, .parent = gpu}}};
  CHECK_FALSE(choose_vm(devices, std::nullopt, ""));
  CHECK_FALSE(devices.vm);
  devices.all[1].wants_vm = true;
  CHECK(choose_vm(devices, std::nullopt, ""));
  CHECK(devices.vm == a);
  CHECK_FALSE(choose_vm(devices, vm, ""));
  CHECK(devices.vm == vm);
  devices.vm.reset();
  devices.all[1].vm = vm;
  CHECK_FALSE(choose_vm(devices, std::nullopt, ""));
  CHECK(devices.vm == vm);
  CHECK_THROWS_AS(choose_vm(devices, b, ""), Error);
}

TEST_CASE("two virtual machines with the same first device have the same UUID unless they are given others") {
  const GuestDevice shared{.uuid = a, .parent = gpu, .wants_vm = true};
  GuestDevices one{.all = {shared}};
  GuestDevices two{.all = {shared, {.uuid = b, .parent = gpu, .wants_vm = true}}};
  CHECK(choose_vm(one, std::nullopt, ""));
  CHECK(choose_vm(two, std::nullopt, ""));
  CHECK(one.vm == two.vm);
  two.vm.reset();
  CHECK_FALSE(choose_vm(two, vm, ""));
  CHECK(two.vm == vm);
  CHECK(one.vm == a);
}

TEST_CASE("a virtual machine has one vfio-ap device at most") {
  std::vector<GuestDevice> devices{{.uuid = a, .parent = gpu, .api = "vfio-ap"},
                                   {.uuid = b, .parent = gpu, .api = "vfio-pci"}};
  CHECK_NOTHROW(require_usable_together(devices, ""));
  devices[1].api = "vfio-ap";
  CHECK_THROWS_AS(require_usable_together(devices, ""), Error);
}

TEST_CASE("attaching is planned after all stages of the start, in order, all or none") {
  const std::vector<Attachment> wanted{{{.uuid = a, .parent = gpu, .kernel_name = a.str()}, "one"},
                                       {{.uuid = b, .parent = gpu, .kernel_name = b.str()}, "two"}};
  Plan start;
  const Device second{.uuid = b, .parent = gpu};
  start.jobs.push_back(
      {"start", {.uuid = b, .parent = gpu.str()}, "lane", {{SetOnline{second, true}, {}, 2}}});
  const Plan plan =
      plan_attach(start, wanted, {{.id = "one", .kernel_name = a.str()}}, std::chrono::seconds(3), "QEMU");
  CHECK(plan.bond == Bond::all_or_none);
  REQUIRE(plan.jobs.size() == 2);
  CHECK(plan.jobs[0].steps.empty());  // attached already
  CHECK(plan.jobs[0].notes.size() == 1);
  REQUIRE(plan.jobs[1].steps.size() == 2);
  CHECK(std::holds_alternative<SetOnline>(plan.jobs[1].steps[0].action));
  CHECK(plan.jobs[1].steps[1].stage > 2);
  CHECK(std::holds_alternative<DetachDevice>(*plan.jobs[1].steps[1].undo));
  CHECK_THROWS_AS(
      plan_attach({}, wanted, {{.id = "two", .kernel_name = "other"}}, std::chrono::seconds(3), "QEMU"),
      Error);
}

TEST_CASE("devices are detached in reverse order by the IDs that they have in the virtual machine") {
  const std::vector<Attachment> wanted{{{.uuid = a, .parent = gpu, .kernel_name = a.str()}, "one"},
                                       {{.uuid = b, .parent = gpu, .vf = "0000:41:00.4"}, "two"}};
  const std::vector<AttachedDevice> attached{{.id = "hostdev0", .kernel_name = a.str()},
                                             {.id = "", .vf = "0000:41:00.4"}};
  const Plan plan = plan_detach(wanted, attached, std::chrono::seconds(3), "QEMU");
  REQUIRE(plan.jobs.size() == 2);
  CHECK(std::get<DetachDevice>(plan.jobs[0].steps[0].action).what.id == "two");
  CHECK(std::get<DetachDevice>(plan.jobs[1].steps[0].action).what.id == "hostdev0");
  CHECK(std::holds_alternative<AttachDevice>(*plan.jobs[0].steps[0].undo));
  // One that is not attached, such as after an interrupted run, is skipped.
  const Plan rest = plan_detach(wanted, {attached[0]}, std::chrono::seconds(3), "QEMU");
  CHECK(rest.jobs[0].steps.empty());
  CHECK(rest.jobs[0].notes.size() == 1);
  CHECK(rest.jobs[1].steps.size() == 1);
}

TEST_CASE("the virtual machine of a device is that in its create arguments, active or not") {
  Definition definition = defined(a, "0000:41:00.0", "t-1");
  CHECK_FALSE(guest_of(host_with("vfio-pci"), definition).vm);
  definition.create_args = "x=1,vm_uuid=" + vm.str();
  CHECK(guest_of(host_with("vfio-pci"), definition).vm == vm);
  Snapshot seen = host_with("vfio-pci");
  seen.devices.push_back({.uuid = a, .parent = gpu, .type = TypeName::parse("t-1")});
  CHECK(guest_of(seen, definition).vm == vm);
  // A definition for another parent is not that of the active device.
  definition.parent = *ParentName::parse("mtty");
  CHECK_FALSE(guest_of(seen, definition).vm);
}
