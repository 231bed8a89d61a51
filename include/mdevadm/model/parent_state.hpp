// The present state of a parent device and of its PCI virtual functions (VFs), whichever driver it has.
#pragma once

#include <cstdint>
#include <mdevadm/model/names.hpp>
#include <mdevadm/util/holder.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// A PCI function: the parent itself, or a VF.
struct FunctionState {
  std::string address;
  std::optional<std::string> driver{};
  std::optional<std::string> type{};   // vGPU type assigned to a VF
  std::vector<std::string> devices{};  // UUIDs of its mediated devices
  bool offers_types = false;           // it has the files of an interface for vGPUs, with or without mdev
  bool busy = false;                   // some process has it or one of its devices open (observe_parent())
  std::vector<Holder> holders{};       // those processes, as far as they are visible

  bool in_use() const { return busy || type || !devices.empty(); }
  bool operator==(const FunctionState&) const = default;
};

struct ParentState {
  ParentName name;
  bool present = false;
  std::optional<std::string> physical{};  // it is itself a VF: the address of its physical function
  std::string vendor{};                   // PCI vendor, "10de"
  FunctionState self{};
  std::optional<std::uint64_t> total{};          // number of VFs that it supports; absent: no SR-IOV
  std::uint64_t enabled = 0;                     // the kernel's sriov_numvfs
  bool has_mdev_core = false;                    // the kernel's mdev core is loaded
  bool without_iommu = false;                    // it has virtual functions, but no IOMMU group
  std::optional<std::string> driver_override{};  // the only driver that it is bound to; absent: unset
  std::vector<FunctionState> functions{};
  // Addresses that its VFs have or would have; empty: not known.
  std::vector<std::string> addresses{};

  // Changes when a driver is bound to the parent, and when its VFs are created: a driver discards then what
  // commands have set up.
  std::string setup{};

  bool is_nvidia() const { return vendor == "10de"; }
  bool operator==(const ParentState&) const = default;
};

}  // namespace mdevadm
