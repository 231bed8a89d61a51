// Which device a person means. Pure.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

struct Found {
  Uuid uuid;
  const Device* active = nullptr;              // absent: not active
  std::vector<const Definition*> definitions;  // under `parent` if that was given; may be empty
};

// `word` is a UUID, a definition's name, or the beginning of just one UUID with four or more digits. What is
// sought is a device that is active or defined. Throws Error: not_found, conflict (several begin so).
Found resolve_device(std::string_view word, const Snapshot& seen, const Definitions& defined,
                     const std::optional<ParentName>& parent, const std::string& doing);

// The one definition that is meant. Throws Error: not_found (none), conflict (under several parents).
const Definition& require_definition(const Found& found, const std::string& doing);

// The type of a parent that is meant by its name in the kernel; by its number alone, or with a driver's name
// before it, as other interfaces call it ("17" and "nvidia-17"); by the vendor's name where that is known
// (Facet::type_name) and no two types have it, with or without the vendor before it. nullptr: none. A parent
// whose types cannot be understood has no types, and is asked at creation.
const Type* resolve_type(const Parent& parent, std::string_view word);

}  // namespace mdevadm
