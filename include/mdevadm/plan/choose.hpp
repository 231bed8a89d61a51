// Choice of a type by requirements, and of the parents for one or several devices. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/requirement.hpp>
#include <mdevadm/plan/room.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Whether a type must have available instances now to be chosen.
enum class Availability { now, later };

// Which of several parents is preferred: the one with the most room left for the type (of equal ones, the one
// with fewest devices), or, of those that have devices already, the one with the least room left.
enum class Placement { spread, pack };

std::optional<Placement> parse_placement(std::string_view text);

struct ChoiceRequest {
  std::vector<Requirement> needs{};    // empty: `type` is given
  std::string type{};                  // in every form that resolve_type() accepts
  std::optional<ParentName> parent{};  // absent: any
  std::uint64_t count = 1;             // devices of the same type
  std::uint64_t units = 1;             // instances that each aggregates
  Availability availability = Availability::now;
  Placement placement = Placement::spread;
  Counting counting = Counting::defined;
  std::vector<ParentName> mixed{};  // GPUs that are set to mix framebuffer sizes (Room)
  bool persistent = true;           // the devices are defined, also for later use
};

struct Choice {
  const Type* type;
  std::vector<const Parent*> parents;  // of each device
  std::vector<const Type*> equal;      // other types that match as well
  std::string why;                     // message that names the choice, its reason, and the equal types
};

// Returns the parents that offer a matching type, available or not.
std::vector<ParentName> parents_with_match(const Snapshot& seen, const ChoiceRequest& request);

// Returns the smallest available type that meets all requirements, and parents that have room for all
// devices: the type with the least memory, then with the fewest slices of a GPU instance, then with the
// highest maximum instances. Of types that are equal in that, the series are preferred in the order Q, C, B,
// A, then the first one of a parent. Of the parents, see Placement; of equal ones, the first. Throws Error:
// usage (see require_known_properties()), not_found (no such type), no_capacity (no room for all devices).
Choice choose(const Snapshot& seen, const Definitions& defined, const ChoiceRequest& request,
              const std::string& doing);

}  // namespace mdevadm
