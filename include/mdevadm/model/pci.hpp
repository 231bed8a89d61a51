// PCI IDs, and facts about a PCI function that could offer vGPUs but does not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mdevadm {

// A display controller of NVIDIA (class 03), not a virtual function.
struct GpuFunction {
  std::string address;                           // 0000:01:00.0
  std::string pci_id{};                          // vendor:device, "10de:1e89"
  std::optional<std::string> driver{};           // that is bound; absent: none
  std::string pci_subsystem{};                   // vendor:device of the board; empty: unknown
  std::optional<std::string> driver_override{};  // the only driver that it is bound to; absent: unset
  bool has_functions = false;                    // it supports virtual functions
  bool enables_functions = false;                // its settings enable them (observe_host())
  bool operator==(const GpuFunction&) const = default;
};

// The PCI devices of a vendor, a model or a board: "10de:", "10de:1eb8", "10de:25b6:10de:14a9". The first two
// forms are those of lspci -d, the last one has the order of a driver's file new_id.
struct PciPattern {
  std::uint16_t vendor = 0;
  std::optional<std::uint16_t> device{};
  std::optional<std::pair<std::uint16_t, std::uint16_t>> subsystem{};

  // Returns nullopt if the text has another form; names of devices have.
  static std::optional<PciPattern> parse(std::string_view text);
  std::string str() const;
  // Returns whether a device with these IDs, as in GpuFunction, is meant.
  bool matches(std::string_view pci_id, std::string_view pci_subsystem) const;
  bool operator==(const PciPattern&) const = default;
};

}  // namespace mdevadm
