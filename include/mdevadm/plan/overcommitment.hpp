// Definitions with autostart of which a parent cannot have all devices at once. Pure functions.
#pragma once

#include <cstdint>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// Returns how many instances of a type its parent can have; nullopt: unknown, because devices of other types
// are active, or because the instances depend on other things. Needs Facet::available.
std::optional<std::uint64_t> most_instances(const Snapshot& seen, const Parent& parent, const Type& type);

// Returns the instances that a device of the definition needs.
std::uint64_t instances_of(const Definition& definition);

// Returns a sentence about a parent that cannot have a further device beside those of `others`.
std::string describe_overcommitment(const Parent& parent, const Type& type, std::uint64_t most,
                                    const std::vector<const Definition*>& others);

// Returns this sentence about a definition with autostart; nullopt: there are enough instances, as far as
// known.
std::optional<std::string> overcommitment(const Snapshot& seen, const Definitions& defined,
                                          const Definition& wanted);

// Returns the warning that the MIG mode of the GPU excludes the type of a definition now, or nullopt.
std::optional<std::string> mig_exclusion(const Snapshot& seen, const Definition& wanted);

}  // namespace mdevadm
