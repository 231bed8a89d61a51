#include <mdevadm/model/pci.hpp>

#include <string>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("PCI IDs mean all devices of a vendor, a model or a board") {
  for (const std::string text : {"10de:", "10de:1eb8", "10de:25b6:10de:14a9"}) {
    REQUIRE(PciPattern::parse(text));
    CHECK(PciPattern::parse(text)->str() == text);
  }
  CHECK(PciPattern::parse("10DE:1EB8")->str() == "10de:1eb8");
  for (const char* text :
       {"", ":", "10de", "0000:86:00.0", "86:00.0", "10de:1eb8:10de", "10de:1eb8:10de:", "10de::10de:14a9",
        "0x10de:1eb8", "10de:1eb", "10de:1eb8 ", "mtty", "10de:*", "a:b:c:d:e"}) {
    INFO(text);
    CHECK_FALSE(PciPattern::parse(text));
  }
}

TEST_CASE("a PCI ID is compared with that of the device and of its board") {
  const PciPattern vendor = *PciPattern::parse("10de:");
  const PciPattern model = *PciPattern::parse("10de:25b6");
  const PciPattern board = *PciPattern::parse("10de:25b6:10de:14a9");
  CHECK(vendor.matches("10de:25b6", ""));
  CHECK_FALSE(vendor.matches("8086:25b6", ""));
  CHECK_FALSE(vendor.matches("", ""));
  CHECK(model.matches("10de:25b6", "10de:157e"));
  CHECK_FALSE(model.matches("10de:25b7", ""));
  CHECK(board.matches("10de:25b6", "10de:14a9"));
  CHECK_FALSE(board.matches("10de:25b6", "10de:157e"));
  CHECK_FALSE(board.matches("10de:25b6", ""));
}
