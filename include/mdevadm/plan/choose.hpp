// Choice of a type by requirements, and of the parents for one or several devices. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/host_file.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/requirement.hpp>
#include <mdevadm/plan/room.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Whether a type must have available instances now to be chosen.
enum class Availability { now, later };

std::optional<Placement> parse_placement(std::string_view text);

struct ChoiceRequest {
  std::vector<Requirement> needs{};    // empty: `type` is given
  std::string type{};                  // in every form that resolve_type() accepts
  std::optional<ParentName> parent{};  // absent: any
  std::vector<ParentName> among{};     // if not empty: one of these
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

// The error for requirements that no type meets.
Error no_type_meets(const std::vector<Requirement>& needs);

// Returns that error if no parent of the request can ever offer a matching type.
std::optional<Error> why_unmet(const Snapshot& seen, const ChoiceRequest& request);

// Returns the smallest available type that meets all requirements, and parents that have room for all
// devices: the type with the least memory, then with the fewest slices of a GPU instance, then with the
// highest maximum instances, then with the lowest values of the properties that the requirements name. Types
// that the driver does not list, but may accept (Type::hidden), are chosen only if no listed one has room;
// the message says that the driver may refuse them. Of types that are equal in that, the series are preferred
// in the order Q, C, B, A, then the first one of a parent. Of the parents, see Placement; of equal ones, the
// first. Throws Error: usage (see require_known_properties()), not_found (no such type), no_capacity (no room
// for all devices).
Choice choose(const Snapshot& seen, const Definitions& defined, const ChoiceRequest& request,
              const std::string& doing);

// A place for a device.
struct ChosenPlace {
  const Parent* parent;
  const Type* type;  // of the parent
};

// How many offers of parents have been tried for devices, all calls together: limits the search for another
// way to place them. Small hosts are searched completely.
struct PlacingEffort {
  static constexpr std::size_t most = 500000;
  std::size_t tried = 0;

  bool is_spent() const { return tried >= most; }
};

// The places of the devices of several requests.
struct Placing {
  // A request for which no room was found beside the others.
  struct Failure {
    std::size_t request;
    std::uint64_t fitting;  // how many of its devices fit
  };

  std::vector<std::vector<ChosenPlace>> places{};  // of each request; none of those that failed
  std::vector<Failure> failed{};                   // in the order of the requests
};

// Places the devices of all requests beside each other, each request as choose() would: `count` devices, of
// one type. If they do not all fit in this way, places them in another one if there is one; otherwise those
// for which there is room. `rest`: requests that take what the others leave, `count` devices at most, as many
// as fit. Takes the room in `rooms`.
Placing place_all(const Snapshot& seen, Rooms& rooms, const std::vector<ChoiceRequest>& requests,
                  const std::vector<std::size_t>& rest, PlacingEffort& effort);

// Returns whether place_all() finds a place for all devices; requests of `rest` need none.
bool can_place_all(const Snapshot& seen, Rooms rooms, const std::vector<ChoiceRequest>& requests,
                   const std::vector<std::size_t>& rest, PlacingEffort& effort);

}  // namespace mdevadm
