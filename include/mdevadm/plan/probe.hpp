// The available instances on a parent after devices of certain types have been created: computed, or found
// out by creating them for a moment. Pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/probe.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/plan.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

inline constexpr Facet facets_to_probe = Facet::devices | Facet::types | Facet::type_name | Facet::available |
                                         Facet::description | Facet::parent_identity | Facet::online;

// The largest number of devices that a probe creates at once: more than any GPU has.
inline constexpr std::uint64_t most_probed = 512;

// A number of devices of a type, in every form that resolve_type() accepts.
struct WantedCount {
  std::string type;
  std::uint64_t count = 1;
};

// Parses "nvidia-36=2,GRID M60-2Q": without a number, one device. Returns nullopt for an empty type, and a
// number that is not in 1 … most_probed.
std::optional<std::vector<WantedCount>> parse_type_counts(std::string_view text);

// Returns "2 of nvidia-36 and 1 of nvidia-41".
std::string describe(const TypeCounts& counts);

// Returns the counts by the IDs of the parent's types; counts of the same type are added. Returns nullopt if
// the parent does not have one of the types.
std::optional<TypeCounts> counts_on(const Parent& parent, const std::vector<WantedCount>& wanted);

// The available instances of each type after certain devices.
struct Remainder {
  TypeCounts left{};  // without the types for which the driver reports nothing
  // The first type of which not all devices fit, and how many do; then `left` is empty.
  std::optional<TypeCount> short_of{};
  // Not all devices fit unless the GPU mixes framebuffer sizes, which is unknown because it has no devices.
  bool if_sizes_mix = false;

  std::optional<std::uint64_t> left_of(const TypeName& type) const;
};

// Computes the available instances if these devices were created on the parent beside its active ones. Needs
// facets_to_probe. `mixes_sizes`: as in Room.
Remainder remainder_after(const Parent& parent, const Snapshot& seen, const TypeCounts& counts,
                          bool mixes_sizes);

// Returns what differs between the computed available instances and those of a probe, for a message; empty if
// nothing does.
std::string differences(const Remainder& computed, const ProbeResult& probed);

// Returns whether a probe has created the device: the UUID is derived from the name of the parent then.
bool is_of_probe(const Device& device);

// Returns the devices that a killed probe has left on the parent.
std::vector<const Device*> left_by_probe(const Snapshot& seen, const ParentName& parent);

// Throws Error{in_use} if the parent has other devices, or a virtual function with a vGPU.
void require_idle(const Snapshot& seen, const Parent& parent, const std::string& doing);

// Returns one probe for each type of which the parent can have a device now.
std::vector<TypeCounts> usual_probes(const Parent& parent);

// Plans a trial (Job::trial): creates the devices, records the available instances, and removes them.
// `deadline`: until when a removal that the driver refuses is repeated. Throws Error as a start does.
Job plan_probe(const Snapshot& seen, const Parent& parent, const TypeCounts& counts,
               std::chrono::steady_clock::time_point deadline);

}  // namespace mdevadm
