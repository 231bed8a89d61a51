#include <mdevadm/render/dot.hpp>
#include <mdevadm/render/guest.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const Uuid a = *Uuid::parse("8f3c2a10-0000-0000-0000-000000000001");
const ParentName gpu = *ParentName::parse("0000:41:00.0");

render::QemuSet set_with(const std::string& value) {
  return {.devices = {{{"driver", std::string("vfio-pci")},
                       {"id", std::string("x")},
                       {"sysfsdev", value},
                       {"ramfb", true}}}};
}

}  // namespace

TEST_CASE("arguments of QEMU double the commas in values") {
  CHECK(render::qemu_arguments(set_with("/a,b=c")) ==
        std::vector<std::string>{"-device", "vfio-pci,id=x,sysfsdev=/a,,b=c,ramfb=on"});
  CHECK(render::qemu_arguments_with_json(set_with("/a,\"b")) ==
        std::vector<std::string>{"-device",
                                 R"({"driver":"vfio-pci","id":"x","sysfsdev":"/a,\"b","ramfb":true})"});
}

TEST_CASE("the UUID of the virtual machine and the iommufd object precede the devices") {
  render::QemuSet set = set_with("/a");
  set.vm = a;
  set.iommufd = true;
  const std::vector<std::string> words = render::qemu_arguments(set);
  CHECK(std::vector<std::string>(words.begin(), words.begin() + 4) ==
        std::vector<std::string>{"-uuid", a.str(), "-object", "iommufd,id=iommufd0"});
  CHECK(render::qemu_config(set) ==
        "# The driver requires the virtual machine's UUID as an argument of QEMU: -uuid " + a.str() +
            "\n\n[object \"iommufd0\"]\n  qom-type = \"iommufd\"\n\n[device \"x\"]\n  driver = \"vfio-pci\"\n"
            "  sysfsdev = \"/a\"\n  ramfb = \"on\"\n");
}

TEST_CASE("values in XML are escaped, and characters that XML excludes refused") {
  Definition definition{a, gpu, *TypeName::parse("t<1>")};
  definition.attributes.push_back({*AttributeName::parse("x"), "a'b\"c&d"});
  const std::string text = render::libvirt_nodedev(definition, "pci_0000_41_00_0", "g&1");
  CHECK(
      text.starts_with("<device>\n  <name>mdev_8f3c2a10_0000_0000_0000_000000000001_0000_41_00_0</name>\n"));
  CHECK(text.find("<type id='t&lt;1&gt;'/>") != std::string::npos);
  CHECK(text.find("<attr name='x' value='a&apos;b&quot;c&amp;d'/>") != std::string::npos);
  CHECK(text.find(">g&amp;1</mdevadm:group>") != std::string::npos);
  definition.attributes[0].value = " a\tb\nc\r\x7f";
  CHECK(render::libvirt_nodedev(definition, "p", "").find("value=' a&#9;b&#10;c&#13;\x7f'/>") !=
        std::string::npos);
  for (const char* value : {"a\x01", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xff"}) {
    definition.attributes[0].value = value;
    CHECK_THROWS_WITH(
        render::libvirt_nodedev(definition, "p", ""),
        Catch::Matchers::StartsWith(
            "cannot export '8f3c2a10-0000-0000-0000-000000000001': XML cannot contain the control "
            "characters in the value of attribute 'x', '"));
  }
}

TEST_CASE("a virtual function is a PCI device of a domain that libvirt does not bind") {
  GuestDevices devices{.all = {{.uuid = a,
                                .parent = gpu,
                                .api = "vfio-pci",
                                .kind = GuestDevice::Kind::function,
                                .vf = "0001:41:02.4"}}};
  CHECK(render::libvirt_hostdevs(devices, {}) ==
        "<hostdev mode='subsystem' type='pci' managed='no'>\n  <source>\n"
        "    <address domain='0x0001' bus='0x41' slot='0x02' function='0x4'/>\n  </source>\n</hostdev>\n");
  devices.all[0].kind = GuestDevice::Kind::mediated;
  CHECK(render::libvirt_hostdevs(devices, {.display = false, .ramfb = true})
            .find(" model='vfio-pci' display='on' ramfb='on'>") != std::string::npos);
}

TEST_CASE("names are escaped in dot output") {
  Snapshot seen;
  Definitions defined;
  defined.all.push_back({a, gpu, *TypeName::parse("t\"];\\")});
  const std::string text = render::dot_graph(seen, defined, {});
  CHECK(text.find(R"(t\"];\\")") != std::string::npos);
  CHECK(text.find("style=dashed") != std::string::npos);
}
