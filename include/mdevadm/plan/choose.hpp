// Choice of a type by requirements on resolution and framebuffer instead of a name like nvidia-17. Pure
// functions.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// A requirement such as "framebuffer>=2G": property, comparison, value. Numbers and sizes are ordered; a
// resolution is at least another one if it is in both dimensions; texts can only be equal.
struct Requirement {
  enum class Comparison { at_least, at_most, more, less, equal };

  std::string property;
  Comparison comparison;
  PropertyValue value;
  std::string word;  // the value as written
  std::string text;  // the whole requirement as written
};

// Returns nullopt if the text is not a requirement.
std::optional<Requirement> parse_requirement(std::string_view text);

// Returns whether a type is known to meet a requirement; an unreported property does not meet it. The type's
// name, ID ("type") and device_api are properties too.
bool meets(const Type& type, const Requirement& need);
bool meets_all(const Type& type, const std::vector<Requirement>& needs);

// Throws Error{usage} if no type of the host has a property of this name, or if the value cannot be compared
// with the property. Without any type on the host nothing is checked.
void require_known_properties(const Snapshot& seen, const std::vector<Requirement>& needs,
                              const std::string& doing);

// Whether a type must have an available instance now to be chosen.
enum class Availability { now, later };

struct Choice {
  const Parent* parent;
  const Type* type;
  std::string why;  // message that names the choice, its reason, and other types of the same size
};

// Returns the smallest available type that meets all requirements: on all parents, the type with the least
// memory and the highest maximum instances; if several parents offer it, the one with most available
// instances. Throws Error: usage (see require_known_properties()), not_found (no type meets them),
// no_capacity (no instance of those that do is available).
Choice choose_type(const Snapshot& seen, const std::vector<Requirement>& needs, Availability availability,
                   const std::string& doing);

}  // namespace mdevadm
