// Whether the parent of a definition still is what the definition records, and has its type. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/room.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// Returns why a start of an inactive definition would be refused because of its type: the parent does not
// have it, the MIG mode of the GPU excludes it, or its guest ABI differs (the migration version is not
// compared: only the driver can check it). `knows_types`: all types of the parent are known. Needs
// abi_facets, Facet::available and, if the definition has an ABI, the devices of the parent.
std::optional<Finding> doubt_of_type(const Snapshot& seen, const Parent& parent, const Definition& definition,
                                     bool knows_types);

// Returns the command that gives a definition the type of the same size and series, if its parent is another
// model of GPU than the definition was made for and has one; otherwise an empty string.
std::string advice_for_model(const Parent& parent, const Definition& definition);

// Finds parents for definitions whose own one is missing, each beside the active devices, the other
// definitions, and those for which it has found one before.
class NewPlaces {
 public:
  // Needs the facets of Room. Both must outlive the object.
  NewPlaces(const Snapshot& seen, const Definitions& defined)
      : rooms_(seen, defined, Counting::defined, defined.mixed) {}

  // Takes the room for the device of a definition on the one of these parents that has the fewest devices;
  // nullptr: none has room.
  const Parent* find(const std::vector<const Parent*>& among, const Definition& definition);

 private:
  bool has_room(const Parent& parent, const Definition& definition);

  Rooms rooms_;
  std::map<const Parent*, std::uint64_t> given_{};
};

// Returns the finding about a definition whose parent does not exist. If other parents have the recorded PCI
// ID, names one that has room. Needs Facet::parent_identity.
Finding missing_parent(const Snapshot& seen, const Definition& definition, const Groups& groups,
                       NewPlaces& places);

// Returns the definition with the kernel's ID as its type, which other programs require. It is unchanged if
// the parent or the type was not observed (Facet::type_name).
Definition with_kernel_type(const Snapshot& seen, Definition definition);

}  // namespace mdevadm
