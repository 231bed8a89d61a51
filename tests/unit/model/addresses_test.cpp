#include <mdevadm/model/addresses.hpp>

#include <utility>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("kernel_spelling converts addresses in the notation of other tools to kernel names") {
  for (const auto& [word, name] : {
           std::pair("86:00.0", "0000:86:00.0"),            // lspci
           std::pair("0000:86:00.0", "0000:86:00.0"),       // lspci -D, driverctl
           std::pair("6:0.1", "0000:06:00.1"),              // lspci -s
           std::pair("00000000:86:00.0", "0000:86:00.0"),   // nvidia-smi
           std::pair("pci@0000:86:00.0", "0000:86:00.0"),   // lshw
           std::pair("pci-0000:86:00.0", "0000:86:00.0"),   // udev
           std::pair("00010000:E1:00.0", "10000:e1:00.0"),  // a domain of five digits
           std::pair("0000:4B:1F.7", "0000:4b:1f.7"),       // letters in upper case
           std::pair("pci_0000_86_00_0", "0000:86:00.0"),   // virsh nodedev-list
           std::pair("PCI_0000_4B_00_0", "0000:4b:00.0"),   //
           std::pair("css_0_0_0313", "0.0.0313"),           // virsh nodedev-list
           std::pair("ccw_0_0_1a2b", "0.0.1a2b"),           //
           std::pair("0.0.1A2B", "0.0.1a2b"),               // lscss
           std::pair("ap_matrix", "matrix"),                // virsh nodedev-list
           std::pair("/sys/bus/pci/devices/0000:86:00.0", "0000:86:00.0"),
           std::pair("/sys/41:00.2", "0000:41:00.2"),
           std::pair("/sys/devices/vfio_ap/matrix/", "matrix"),  // udevadm info
       }) {
    CAPTURE(word);
    CHECK(kernel_spelling(word) == name);
  }
}

TEST_CASE("kernel_spelling returns a string that is not an address unchanged") {
  for (const char* word : {"mtty", "Matrix", "", "86:00.8", "86:00", "00.0", "1:2:3:4.0", "0000:86:00.0 ",
                           "g6:00.0", "000000000:86:00.0", "pci_0000_86_00", "pci_0000_86_00_00", "0.0.313",
                           "0.0.03130", "css_0_0", "/etc/passwd", "::.", "...", "a.b.c"}) {
    CAPTURE(word);
    CHECK(kernel_spelling(word) == word);
  }
}

TEST_CASE("full_channel_address completes numbers of channel devices and never guesses at digits") {
  for (const auto& [word, full] :
       {std::pair("313", "0.0.0313"), std::pair("0313", "0.0.0313"), std::pair("0x0313", "0.0.0313"),
        std::pair("2B09", "0.0.2b09"), std::pair("0.0.313", "0.0.0313"), std::pair("0.1.0313", "0.1.0313"),
        std::pair("fe.0.2B09", "fe.0.2b09")}) {
    CAPTURE(word);
    CHECK(full_channel_address(word) == full);
  }
  for (const char* word : {"", "0x", "03130", "0.0.03130", "0.0.00313", "0.0313", "0.0.", "mtty",
                           "0000:86:00.0", "matrix", "0.9.9.0313"}) {
    CAPTURE(word);
    CHECK_FALSE(full_channel_address(word));
  }
}

TEST_CASE("is_pci_address accepts the notation of the kernel and of lspci") {
  CHECK(is_pci_address("0000:41:00.4"));
  CHECK(is_pci_address("41:00.4"));
  for (const char* word : {"", "a b", "41:00", "0.0.0313", "matrix", "41:00.9"}) {
    CAPTURE(word);
    CHECK_FALSE(is_pci_address(word));
  }
}
