#include "candidates.hpp"

#include <algorithm>
#include <mdevadm/plan/resolve.hpp>
#include <optional>
#include <string_view>
#include <variant>

namespace mdevadm {

namespace {

std::uint64_t number_of(const Type& type, const char* property) {
  const std::optional<PropertyValue> value = property_of(type, property);
  const auto* number = value ? std::get_if<std::uint64_t>(&*value) : nullptr;
  return number != nullptr ? *number : 0;
}

// Returns a sort key, smallest type first: by memory, by slices of a GPU instance, by the number of instances
// that fit on a parent (more is smaller), and by the size of the requested properties.
Size size_of_type(const Type& type, const std::vector<Requirement>& needs) {
  std::uint64_t asked = 0;
  for (const Requirement& need : needs) {
    const std::optional<PropertyValue> value = property_of(type, need.property);
    if (const auto* bytes = value ? std::get_if<Bytes>(&*value) : nullptr) {
      asked += bytes->count;
    } else if (const auto* resolution = value ? std::get_if<Resolution>(&*value) : nullptr) {
      asked += std::uint64_t{resolution->width} * resolution->height;
    }
  }
  std::uint64_t memory = 0;
  for (const Property& property : type.properties) {
    if (const auto* bytes = std::get_if<Bytes>(&property.value)) {
      memory += bytes->count;
    }
  }
  const std::uint64_t maximum = type.maximum.value_or(type.available.value_or(0));
  return {memory, number_of(type, "gpu_slices"), ~maximum, asked};
}

bool is_allowed(const Parent& parent, const ChoiceRequest& request) {
  return (!request.parent || parent.name == *request.parent) &&
         (request.among.empty() ||
          std::find(request.among.begin(), request.among.end(), parent.name) != request.among.end());
}

}  // namespace

// Of the same type, more may be known on one parent than on another.
Size size_of(const Candidate& candidate, const std::vector<Requirement>& needs) {
  Size smallest = size_of_type(*candidate.type, needs);
  for (const Offer& offer : candidate.offers) {
    smallest = std::min(smallest, size_of_type(*offer.type, needs));
  }
  return smallest;
}

std::string series_of(const Type& type) {
  const std::optional<PropertyValue> value = property_of(type, "series");
  const auto* series = value ? std::get_if<std::string>(&*value) : nullptr;
  return series != nullptr ? *series : std::string{};
}

std::size_t rank_of(const Type& type) {
  constexpr std::string_view order = "QCBA";
  const std::string series = series_of(type);
  return series.empty() ? order.size() : std::min(order.find(series.front()), order.size());
}

bool is_same_type(const Type& a, const Type& b) {
  return a.id == b.id && a.name == b.name;
}

bool is_asked_for(const Parent& parent, const Type& type, const ChoiceRequest& request) {
  return request.needs.empty() ? resolve_type(parent, request.type) == &type : meets_all(type, request.needs);
}

std::vector<Candidate> candidates_for(const Snapshot& seen, Rooms& rooms, const ChoiceRequest& request) {
  std::vector<Candidate> found;
  for (const Parent& parent : seen.parents) {
    if (!is_allowed(parent, request)) {
      continue;
    }
    const Type* given = request.needs.empty() ? resolve_type(parent, request.type) : nullptr;
    for (const Type* known : parent.all_types()) {
      const Type& type = *known;
      if (request.needs.empty() ? given != known : !meets_all(type, request.needs)) {
        continue;
      }
      const auto same = std::find_if(found.begin(), found.end(), [&](const Candidate& one) {
        return request.needs.empty() || is_same_type(*one.type, type);
      });
      Candidate& candidate = same != found.end() ? *same : found.emplace_back(Candidate{&type, {}});
      candidate.offers.push_back({&parent, &type, &rooms.on(parent)});
    }
  }
  std::stable_sort(found.begin(), found.end(), [&](const Candidate& a, const Candidate& b) {
    return std::tuple(size_of(a, request.needs), rank_of(*a.type)) <
           std::tuple(size_of(b, request.needs), rank_of(*b.type));
  });
  return found;
}

bool is_preferred(const Offer& one, const Offer& other, const ChoiceRequest& request) {
  const auto key = [&](const Offer& offer) {
    const std::uint64_t left = offer.room->left(*offer.type);
    const std::uint64_t devices = offer.room->devices();
    const bool spread = request.placement == Placement::spread;
    return std::tuple(!offer.room->fits(*offer.type, request.units), offer.type->hidden,
                      !spread && devices == 0, spread ? ~left : left, spread ? devices : ~devices);
  };
  return key(one) < key(other);
}

void give_back(const std::vector<const Offer*>& taken, std::uint64_t units) {
  for (const Offer* offer : taken) {
    offer->room->give_back(*offer->type, units);
  }
}

std::vector<const Offer*> taken_by(const std::vector<Offer>& offers, const ChoiceRequest& request) {
  std::vector<const Offer*> taken;
  while (taken.size() < request.count) {
    const auto best = std::min_element(
        offers.begin(), offers.end(),
        [&](const Offer& one, const Offer& other) { return is_preferred(one, other, request); });
    if (best == offers.end() || !best->room->fits(*best->type, request.units)) {
      break;
    }
    best->room->take(*best->type, request.units);
    taken.push_back(&*best);
  }
  return taken;
}

}  // namespace mdevadm
