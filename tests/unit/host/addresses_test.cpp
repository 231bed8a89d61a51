#include <filesystem>
#include <mdevadm/host/host.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;

namespace {

// Two subchannels, with the files of kernels before 5.15: one with io_subchannel, one with vfio_ccw.
constexpr const char* old_channels = R"(
sys/bus/css/devices/0.0.0313 -> ../../../devices/css0/0.0.0313
sys/bus/css/devices/0.0.0315 -> ../../../devices/css0/0.0.0315
sys/bus/ccw/devices/0.0.2b09 -> ../../../devices/css0/0.0.0313/0.0.2b09
sys/devices/css0/0.0.0313/driver -> ../../../bus/css/drivers/io_subchannel
sys/devices/css0/0.0.0313/type = 0\n
sys/devices/css0/0.0.0313/driver_override = (null)\n
sys/devices/css0/0.0.0313/0.0.2b09/devtype = 3390/0c\n
sys/devices/css0/0.0.0313/0.0.2b09/online = 1\n
sys/devices/css0/0.0.0315/driver -> ../../../bus/css/drivers/vfio_ccw
sys/devices/css0/0.0.0315/type = 0\n
sys/devices/css0/0.0.0315/driver_override = vfio_ccw\n
sys/bus/css/drivers/io_subchannel/
sys/bus/css/drivers/vfio_ccw/
sys/module/vfio_ccw/
)";

struct Tree : test::TempDir {
  explicit Tree(std::string_view text) { test::lay_tree(text, path()); }
  sys::Dir root = *sys::Dir::open(str());
  Host host{root};
};

}  // namespace

TEST_CASE("before Linux 5.15 the ccw bus has the subchannel of a device number") {
  const Tree tree(old_channels);
  CHECK(tree.host.subchannel_of("0.0.2b09") == "0.0.0313");
  CHECK(tree.host.subchannel_of("0.0.0313") == std::nullopt);
  CHECK(tree.host.subchannel_of("../x") == std::nullopt);
  CHECK(tree.host.has_subchannel("0.0.0315"));
  CHECK_FALSE(tree.host.has_subchannel("0.0.2b09"));
  const auto devices = tree.host.observe_address("0.0.2b09");
  REQUIRE(devices.size() == 1);
  CHECK(devices[0].address == "0.0.0313");
  CHECK(devices[0].path == "sys/devices/css0/0.0.0313");
  CHECK(devices[0].driver == "io_subchannel");
  CHECK_FALSE(devices[0].driver_override);
  CHECK(devices[0].channel_device == ChannelDevice{"0.0.2b09", "3390/0c", true});
  CHECK(devices[0].modules.at("vfio_ccw"));
  CHECK(tree.host.observe_address("0.0.0313") == devices);
  const auto other = tree.host.observe_address("0.0.0315");
  REQUIRE(other.size() == 1);
  CHECK(other[0].driver_override == "vfio_ccw");
  CHECK_FALSE(other[0].channel_device);
}

TEST_CASE("with dev_busid the driver of the subchannel does not matter") {
  const Tree tree(std::string(old_channels) +
                  "sys/devices/css0/0.0.0313/dev_busid = none\\n\n"
                  "sys/devices/css0/0.0.0315/dev_busid = 0.0.2b0a\\n\n");
  CHECK(tree.host.subchannel_of("0.0.2b0a") == "0.0.0315");
  CHECK(tree.host.observe_address("0.0.0315").at(0).channel_device == ChannelDevice{"0.0.2b0a"});
  CHECK_FALSE(tree.host.observe_address("0.0.0313").at(0).channel_device);
}

TEST_CASE("a name of a subchannel is not read as a device number") {
  const Tree tree(std::string(old_channels) +
                  "sys/devices/css0/0.0.0313/dev_busid = 0.0.0315\\n\n"
                  "sys/devices/css0/0.0.0315/dev_busid = 0.0.2b0a\\n\n");
  const auto one = tree.host.observe_address("0.0.0315");
  REQUIRE(one.size() == 1);
  CHECK(one[0].address == "0.0.0315");
  CHECK(tree.host.subchannel_of("0.0.0315") == "0.0.0313");
  CHECK(tree.host.observe_address("0.0.2b0a").at(0).address == "0.0.0315");
}

TEST_CASE("facts about PCI devices, crypto queues and addresses that do not exist") {
  const Tree tree(R"(
sys/bus/pci/devices/0000:00:02.0 -> ../../../devices/pci0000:00/0000:00:02.0
sys/devices/pci0000:00/0000:00:02.0/vendor = 0x8086\n
sys/devices/pci0000:00/0000:00:02.0/device = 0x5916\n
sys/devices/pci0000:00/0000:00:02.0/class = 0x030000\n
sys/devices/pci0000:00/0000:00:02.0/sriov_totalvfs = 7\n
sys/devices/pci0000:00/0000:00:02.0/sriov_numvfs = 0\n
sys/devices/pci0000:00/0000:00:02.0/driver -> ../../../bus/pci/drivers/i915
sys/devices/pci0000:00/0000:00:02.0/iommu_group -> ../../../kernel/iommu_groups/3
sys/bus/pci/drivers/i915/
sys/kernel/iommu_groups/3/
sys/module/i915/parameters/enable_gvt = Y\n
sys/bus/ap/devices/05.0014 -> ../../../devices/ap/card05/05.0014
sys/devices/ap/card05/05.0014/driver_override = \n
)");
  const auto gpu = tree.host.observe_address("0000:00:02.0").at(0);
  CHECK(gpu.bus == "pci");
  CHECK(gpu.pci_id == "8086:5916");
  CHECK(gpu.iommu_group == 3U);
  CHECK(gpu.functions == 7U);
  CHECK(gpu.functions_enabled == 0U);
  CHECK(gpu.enable_gvt == true);
  CHECK_FALSE(gpu.modules.at("kvmgt"));
  const auto queue = tree.host.observe_address("05.0014").at(0);
  CHECK(queue.bus == "ap");
  CHECK_FALSE(queue.driver);
  CHECK_FALSE(queue.driver_override);
  CHECK(tree.host.observe_address("matrix").at(0).path.empty());
  for (const char* absent : {"0000:00:03.0", "any", "..", "a/b", ""}) {
    CHECK(tree.host.observe_address(absent).empty());
  }
}

TEST_CASE("subchannels whose channel device is offline, and the matrix, can become parents") {
  const std::string channels = "sys/devices/css0/";
  const Tree tree(std::string(old_channels) +
                  "sys/bus/ccw/devices/0.0.2b0a -> ../../../devices/css0/0.0.0314/0.0.2b0a\n" +
                  "sys/bus/css/devices/0.0.0314 -> ../../../devices/css0/0.0.0314\n" + channels +
                  "0.0.0314/driver -> ../../../bus/css/drivers/io_subchannel\n" + channels +
                  "0.0.0314/type = 0\\n\n" + channels + "0.0.0314/0.0.2b0a/online = 0\\n\n");
  CHECK(tree.host.possible_parents(4) == std::vector<std::string>{"0.0.0314"});
  test::write_text(tree.path() / "sys/devices/css0/0.0.0313/0.0.2b09/online", "0\n");
  CHECK(tree.host.possible_parents(4) == std::vector<std::string>{"0.0.0313", "0.0.0314"});
  CHECK(tree.host.possible_parents(1).size() == 1);
  test::write_text(tree.path() / "sys/devices/css0/0.0.0314/type", "1\n");
  std::filesystem::create_directories(tree.path() / "sys/bus/ap");
  CHECK(tree.host.possible_parents(4) == std::vector<std::string>{"0.0.0313", "matrix"});
  CHECK(tree.host.possible_parents(0) == std::vector<std::string>{"matrix"});
}
