// The types that match a request, and the parents that have room for them. Internal header.
#pragma once

#include <cstdint>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/choose.hpp>
#include <mdevadm/plan/requirement.hpp>
#include <mdevadm/plan/room.hpp>
#include <string>
#include <tuple>
#include <vector>

namespace mdevadm {

// A parent that offers a type, and the room on it.
struct Offer {
  const Parent* parent;
  const Type* type;
  Room* room;
};

// A type that matches, with the parents that offer it.
struct Candidate {
  const Type* type;
  std::vector<Offer> offers;
};

using Size = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>;

// Returns a sort key of a candidate, smallest type first.
Size size_of(const Candidate& candidate, const std::vector<Requirement>& needs);

// Returns the series of an NVIDIA type; empty if it has none.
std::string series_of(const Type& type);

// Types of the series Q can do what those of the others can. Returns the position of a type in the order.
std::size_t rank_of(const Type& type);

bool is_same_type(const Type& a, const Type& b);
bool is_asked_for(const Parent& parent, const Type& type, const ChoiceRequest& request);

// Returns the types that match, smallest first. A type that is given is one candidate, whatever its IDs.
std::vector<Candidate> candidates_for(const Snapshot& seen, Rooms& rooms, const ChoiceRequest& request);

// Returns whether a parent is preferred to another one of those that come later.
bool is_preferred(const Offer& one, const Offer& other, const ChoiceRequest& request);

// Takes the best room for as many devices as fit, in order; give_back() reverts it.
std::vector<const Offer*> taken_by(const std::vector<Offer>& offers, const ChoiceRequest& request);
void give_back(const std::vector<const Offer*>& taken, std::uint64_t units);

}  // namespace mdevadm
