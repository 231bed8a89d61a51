// Facts about one device of the host, whether or not it offers mediated devices.
#pragma once

#include <cstdint>
#include <map>
#include <mdevadm/model/ap.hpp>
#include <optional>
#include <string>

namespace mdevadm {

// The device behind an I/O subchannel, such as a DASD.
struct ChannelDevice {
  std::string number;                 // device number, its name on the ccw bus: 0.0.2b09
  std::optional<std::string> type{};  // "3390/0c"; absent: io_subchannel is not bound to the subchannel
  std::optional<bool> online{};
  bool operator==(const ChannelDevice&) const = default;
};

// A device on one of the buses pci, css, ap and mdev.
struct HostDevice {
  std::string address;  // its name on the bus: 0000:00:02.0, 0.0.0313, 05.0014
  std::string bus;
  std::string path{};                            // directory below the root
  std::optional<std::string> driver{};           // bound driver; absent: none
  std::optional<std::string> driver_override{};  // absent: unset, or not supported
  std::optional<std::uint64_t> iommu_group{};
  std::optional<std::string> pci_id{};               // vendor:device, "8086:5916"
  std::optional<std::string> pci_class{};            // "030000"
  std::optional<std::string> physical{};             // of a virtual function: its physical function
  std::optional<std::uint64_t> functions{};          // virtual functions that it supports
  std::optional<std::uint64_t> functions_enabled{};  // and how many are enabled
  std::optional<std::uint64_t> subchannel_type{};    // 0: I/O
  std::optional<ChannelDevice> channel_device{};
  std::optional<ApCard> card{};
  std::optional<std::string> parent{};  // of a mediated device
  std::map<std::string, bool>
      modules{};                     // kernel modules that it needs to be a parent: whether they are loaded
  std::optional<bool> enable_gvt{};  // i915.enable_gvt
  bool operator==(const HostDevice&) const = default;
};

}  // namespace mdevadm
