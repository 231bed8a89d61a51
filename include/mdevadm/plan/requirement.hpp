// Requirements on a type, such as "framebuffer>=2G", instead of a name like nvidia-17. Pure functions.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Property, comparison, value. Numbers and sizes are ordered; a resolution is at least another one if it is
// in both dimensions. Texts can only be equal or not, to any of several values separated by commas, which may
// be shell patterns: "series=Q,B", "name=*-4Q".
struct Requirement {
  enum class Comparison { at_least, at_most, more, less, equal, not_equal };

  std::string property;
  Comparison comparison;
  PropertyValue value;
  std::string word;  // the value as written
  std::string text;  // the whole requirement as written
};

// Returns nullopt if the text is not a requirement.
std::optional<Requirement> parse_requirement(std::string_view text);

// Returns a property of a type; nullopt if it is not reported. Beside those of the description: name, type
// (its ID), device_api, memory, maximum and available (instances), and max_instance as another name of
// maximum, as drivers call it.
std::optional<PropertyValue> property_of(const Type& type, const std::string& name);

// Returns the same value as text, in the spelling of the driver if it is one of the description.
std::optional<std::string> text_of_property(const Type& type, const std::string& name);

// Returns whether a type is known to meet a requirement; an unreported property does not meet it.
bool meets(const Type& type, const Requirement& need);
bool meets_all(const Type& type, const std::vector<Requirement>& needs);

// Returns the reason as Error{usage} if no type of the host has a property of this name, if the value cannot
// be compared with the property of any type, or if a size has no unit: vendors write MiB, users also mean
// GiB. Without any type on the host only the units of known sizes are checked.
std::optional<Error> problem_of(const Snapshot& seen, const Requirement& need);
// Throws the first of these errors.
void require_known_properties(const Snapshot& seen, const std::vector<Requirement>& needs,
                              const std::string& doing);

// Throws Error{not_found} if no type of the host has the ID or name that a requirement on `type` gives,
// unless drivers list only some of their types now.
void require_known_types(const Snapshot& seen, const std::vector<Requirement>& needs,
                         const std::string& doing);

// Returns the requirements as written, for messages.
std::string join_requirements(const std::vector<Requirement>& needs);

}  // namespace mdevadm
