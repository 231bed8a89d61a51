#include <mdevadm/store/node_device.hpp>
#include <mdevadm/util/error.hpp>

#include <string>

#include "catch.hpp"

using namespace mdevadm;

namespace {

// As virsh nodedev-dumpxml prints an active device.
const std::string dumped = R"(<device>
  <name>mdev_4b20d080_1b54_4048_85b3_a6a62d165c01_0000_06_00_0</name>
  <path>/sys/devices/pci0000:00/0000:06:00.0/4b20d080-1b54-4048-85b3-a6a62d165c01</path>
  <parent>pci_0000_06_00_0</parent>
  <driver>
    <name>vfio_mdev</name>
  </driver>
  <capability type='mdev'>
    <type id='nvidia-11'/>
    <uuid>4b20d080-1b54-4048-85b3-a6a62d165c01</uuid>
    <parent_addr>0000:06:00.0</parent_addr>
    <iommuGroup number='12'/>
    <attr name='assign_adapter' value='5'/>
    <attr name='assign_adapter' value='&lt;6&gt;'/>
  </capability>
</device>
)";

std::string reason(const std::string& xml) {
  try {
    store::parse_node_device(xml);
    return "(accepted)";
  } catch (const Error& error) {
    return error.what();
  }
}

std::string with(const std::string& old, const std::string& text) {
  std::string xml = dumped;
  return xml.replace(xml.find(old), old.size(), text);
}

}  // namespace

TEST_CASE("a node device of libvirt has parent, type, UUID and attributes in order") {
  const store::NodeDevice device = store::parse_node_device(dumped);
  CHECK(device.parent == "0000:06:00.0");
  CHECK(device.type.str() == "nvidia-11");
  CHECK(device.uuid == Uuid::parse("4b20d080-1b54-4048-85b3-a6a62d165c01"));
  REQUIRE(device.attributes.size() == 2);
  CHECK(device.attributes[1].value == "<6>");
}

TEST_CASE("a node device without the address has libvirt's name of the parent and may lack a UUID") {
  const store::NodeDevice device = store::parse_node_device(
      "<device><parent> ap_matrix\n</parent><capability type='mdev'><type "
      "id='vfio_ap-passthrough'/></capability></device>");
  CHECK(device.parent == "ap_matrix");
  CHECK_FALSE(device.uuid);
}

TEST_CASE("XML that is not a mediated device is refused with the reason") {
  CHECK(reason("") == "line 1: no element found");
  CHECK(reason("<device>") == "line 1: no element found");
  CHECK(reason("<domain/>") == "line 1: expected the element device, not domain");
  CHECK(reason("<device><capability type='pci'/></device>") ==
        "not a mediated device: there is no <capability type='mdev'>");
  CHECK(reason(with("<type id='nvidia-11'/>", "")) == "the element type is missing");
  CHECK(reason(with("<type id='nvidia-11'/>", "<type id='../x'/>")) == "line 9: invalid type '../x'");
  CHECK(reason(with("4b20d080-1b54-4048-85b3-a6a62d165c01</uuid>", "5</uuid>")) ==
        "line 10: invalid UUID '5'");
  CHECK(reason(with("name='assign_adapter'", "name='../x'")) == "line 13: invalid attribute name '../x'");
  CHECK(reason("<device><capability type='mdev'><type id='t'/></capability></device>") ==
        "the element parent is missing");
  CHECK(reason("<!DOCTYPE d [<!ENTITY e 'x'>]><device>&e;</device>") == "line 1: entities are not supported");
  std::string deep;
  for (int i = 0; i < 40; ++i) {
    deep += "<device>";
  }
  CHECK(reason(deep) == "line 1: elements are nested too deeply");
  CHECK(reason("<device><parent>" + std::string(5000, 'x') + "</parent></device>") ==
        "line 1: the element parent is too long");
}
