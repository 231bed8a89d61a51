// Recording and comparison of the guest ABI. Pure functions.
#pragma once

#include <mdevadm/model/abi.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <string>
#include <vector>

namespace mdevadm {

constexpr Facet abi_facets = Facet::device_api | Facet::type_name | Facet::description |
                             Facet::migration_version | Facet::parent_identity;

// Returns the properties of a type on a parent that are recorded as guest ABI. Needs abi_facets.
Abi pins_of(const Parent& parent, const Type& type);

struct AbiDifference {
  std::string text;    // "framebuffer: defined '4096M', now '2048M'"
  bool changes_guest;  // false: the guest may not notice the difference (driver version)
};

// Returns the differences between the recorded guest ABI and the present one. A property that is not reported
// now is not a difference, because the kernel interfaces report different properties. The migration_version
// is not compared: only the driver can check it.
std::vector<AbiDifference> compare_abi(const Abi& pinned, const Abi& now);

// Throws Error{abi_differs} if the recorded guest ABI of a definition differs from that of the type now.
// Returns the differences that the guest may not notice.
std::vector<std::string> require_same_abi(const Parent& parent, const Type& type,
                                          const Definition& definition, const std::string& doing);

// Returns the type of a definition with the recorded name, for parents that list only types that can be
// created now (Capabilities::types_vanish) if no table has the others; nullopt: no name was recorded.
std::optional<Type> recorded_type(const Parent& parent, const Definition& definition);

// Returns a type with the name that the definition has recorded if the driver reports none: without a table,
// the type of an active device has only a number.
Type with_recorded_name(Type type, const Definition& definition);

// Returns "it is 10de:26b5, and the definition was made for 10de:26b9" about a parent that is another model
// than the one that a definition has recorded; otherwise an empty string.
std::string other_model(const Parent& parent, const Definition& definition);

// A driver update may renumber types. Returns the type that has the recorded name of a definition's type, if
// the type that the definition names now has another one or does not exist; otherwise nullptr.
const Type* renumbered_type(const Parent& parent, const Definition& definition);

// Returns the command that gives a definition that type.
std::string advice_to_renumber(const Definition& definition, const Type& type);

}  // namespace mdevadm
