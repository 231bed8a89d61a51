// Results of the command probe: available instances on a parent while certain devices exist.
#pragma once

#include <cstdint>
#include <mdevadm/model/names.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// Returns what results of probes depend on: driver and version, the number of virtual functions, and the
// available instances of each type of the parent without devices. NVIDIA's drivers do not report whether an
// idle GPU mixes sizes.
std::string state_text(const Parent& parent);

// A number of devices, or of available instances, of a type.
struct TypeCount {
  TypeName type;
  std::uint64_t count = 1;
  bool operator==(const TypeCount&) const = default;
};

// Sorted by type; each type once.
using TypeCounts = std::vector<TypeCount>;

// Adds the number to that of the type.
void add(TypeCounts& counts, const TypeCount& more);

// What a parent without other devices offered while exactly the devices `created` existed.
struct ProbeResult {
  TypeCounts created;
  TypeCounts left;  // available instances of each type, listed by the driver or not
  bool operator==(const ProbeResult&) const = default;

  // Absent if the type is unknown, or the driver reported nothing.
  std::optional<std::uint64_t> left_of(const TypeName& type) const;
};

// The results of one parent. Valid until reboot, and as long as the state of the idle parent is the same.
struct ProbeResults {
  std::string state{};  // state_text() of the parent before the probe
  std::vector<ProbeResult> all{};

  const ProbeResult* find(const TypeCounts& created) const;
  // Replaces the result for the same devices.
  void add(ProbeResult result);
};

}  // namespace mdevadm
