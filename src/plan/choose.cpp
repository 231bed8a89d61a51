#include <mdevadm/plan/choose.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <tuple>

namespace mdevadm {

namespace {

// A parent that offers a type, and the room on it.
struct Offer {
  const Parent* parent;
  const Type* type;
  Room room;
};

// A type that matches, with the parents that offer it.
struct Candidate {
  const Type* type;
  std::vector<Offer> offers;
};

using Size = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>;

std::uint64_t number_of(const Type& type, const char* property) {
  const std::optional<PropertyValue> value = property_of(type, property);
  const auto* number = value ? std::get_if<std::uint64_t>(&*value) : nullptr;
  return number != nullptr ? *number : 0;
}

// Returns a sort key, smallest type first: by memory, by slices of a GPU instance, by the number of instances
// that fit on a parent (more is smaller), and by the size of the requested properties.
Size size_of(const Type& type, const std::vector<Requirement>& needs) {
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

// The same type may differ between parents in what is known of it.
Size size_of(const Candidate& candidate, const std::vector<Requirement>& needs) {
  Size smallest = size_of(*candidate.type, needs);
  for (const Offer& offer : candidate.offers) {
    smallest = std::min(smallest, size_of(*offer.type, needs));
  }
  return smallest;
}

std::string series_of(const Type& type) {
  const std::optional<PropertyValue> value = property_of(type, "series");
  const auto* series = value ? std::get_if<std::string>(&*value) : nullptr;
  return series != nullptr ? *series : std::string{};
}

// Types of the series Q can do what those of the others can. Returns the position of a type in the order.
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

// Returns the types that match, smallest first. A type that is given is one candidate, whatever its IDs.
std::vector<Candidate> candidates_for(const Snapshot& seen, const Definitions& defined,
                                      const ChoiceRequest& request) {
  std::vector<Candidate> found;
  for (const Parent& parent : seen.parents) {
    if (request.parent && parent.name != *request.parent) {
      continue;
    }
    const bool mixes =
        std::find(request.mixed.begin(), request.mixed.end(), parent.name) != request.mixed.end();
    const Room room(parent, seen, defined, request.counting, mixes);
    for (const Type* known : parent.all_types()) {
      const Type& type = *known;
      if (!is_asked_for(parent, type, request)) {
        continue;
      }
      const auto same = std::find_if(found.begin(), found.end(), [&](const Candidate& one) {
        return request.needs.empty() || is_same_type(*one.type, type);
      });
      Candidate& candidate = same != found.end() ? *same : found.emplace_back(Candidate{&type, {}});
      candidate.offers.push_back({&parent, &type, room});
    }
  }
  std::stable_sort(found.begin(), found.end(), [&](const Candidate& a, const Candidate& b) {
    return std::tuple(size_of(a, request.needs), rank_of(*a.type)) <
           std::tuple(size_of(b, request.needs), rank_of(*b.type));
  });
  return found;
}

// Returns whether a parent is preferred to another one of those that come later.
bool is_preferred(const Offer& one, const Offer& other, const ChoiceRequest& request) {
  const auto key = [&](const Offer& offer) {
    const std::uint64_t left = offer.room.left(*offer.type);
    const std::uint64_t devices = offer.room.devices();
    const bool spread = request.placement == Placement::spread;
    return std::tuple(!offer.room.fits(*offer.type, request.units), !spread && devices == 0,
                      spread ? ~left : left, spread ? devices : ~devices);
  };
  return key(one) < key(other);
}

// Returns the parents of the devices that fit, in order; with Availability::later those of all devices.
std::vector<const Parent*> placed(std::vector<Offer> offers, const ChoiceRequest& request) {
  std::vector<const Parent*> parents;
  for (std::uint64_t i = 0; i < request.count; ++i) {
    const auto best = std::min_element(
        offers.begin(), offers.end(),
        [&](const Offer& one, const Offer& other) { return is_preferred(one, other, request); });
    const bool fits = best != offers.end() && best->room.fits(*best->type, request.units);
    if (best == offers.end() || (!fits && request.availability == Availability::now)) {
      break;
    }
    best->room.take(*best->type, request.units);
    parents.push_back(best->parent);
  }
  return parents;
}

bool fit_all(const Candidate& candidate, const ChoiceRequest& request) {
  return placed(candidate.offers, request).size() == request.count;
}

std::string what_is_asked(const ChoiceRequest& request) {
  return request.needs.empty() ? fmt::format("type {}", printable(request.type))
                               : fmt::format("any type with {}", join_requirements(request.needs));
}

std::string matching_types(const ChoiceRequest& request) {
  std::string words = "mdevadm types";
  for (const Requirement& need : request.needs) {
    words += " --need " + shell_quoted(need.text);
  }
  return "list the matching types: " + words;
}

// Returns the first parent on which devices keep types from being listed, or nullptr.
const Parent* restricted(const Snapshot& seen, const ChoiceRequest& request) {
  const auto found = std::find_if(seen.parents.begin(), seen.parents.end(), [&](const Parent& parent) {
    const bool carries = std::any_of(seen.devices.begin(), seen.devices.end(),
                                     [&](const Device& device) { return device.parent == parent.name; });
    return parent.capabilities.types_vanish && carries && (!request.parent || parent.name == *request.parent);
  });
  return found == seen.parents.end() ? nullptr : &*found;
}

// The error for a given type that no parent offers.
Error no_such_type(const Snapshot& seen, const ChoiceRequest& request, const std::string& doing) {
  const TypeName type = *TypeName::parse(request.type);
  const Parent* parent = request.parent             ? seen.find_parent(request.parent->str())
                         : seen.parents.size() == 1 ? &seen.parents.front()
                                                    : nullptr;
  if (parent != nullptr) {
    return not_offered(seen, *parent, type, doing);
  }
  bool is_excluded = false;
  std::vector<std::string> known;
  for (const Parent& one : seen.parents) {
    is_excluded |= not_offered(seen, one, type, doing).code() == ExitCode::no_capacity;
    for (const Type* offered : one.all_types()) {
      known.push_back(offered->id.str());
      known.push_back(offered->name.value_or(offered->id.str()));
    }
  }
  if (is_excluded) {
    return {ExitCode::no_capacity,
            fmt::format("{}: no parent has a type '{}' now: other framebuffer sizes are in use", doing,
                        printable(request.type)),
            "list the types that can be created: mdevadm types"};
  }
  const std::string meant = did_you_mean(request.type, known);
  return {ExitCode::not_found, fmt::format("{}: no parent has a type '{}'", doing, printable(request.type)),
          meant.empty() ? "list types: mdevadm types" : meant};
}

Error no_match(const Snapshot& seen, const ChoiceRequest& request, const std::string& doing) {
  if (request.needs.empty()) {
    return no_such_type(seen, request, doing);
  }
  if (const Parent* parent = restricted(seen, request)) {
    return {ExitCode::no_capacity,
            fmt::format("{}: no type that can be created now has {}: {} offers only types that fit beside "
                        "its devices",
                        doing, join_requirements(request.needs), parent->name.str()),
            fmt::format("list them: mdevadm types {}", parent->name.str())};
  }
  return {ExitCode::not_found, fmt::format("{}: no type has {}", doing, join_requirements(request.needs)),
          "list the types: mdevadm types"};
}

std::uint64_t most_that_fit(const std::vector<Candidate>& candidates, const ChoiceRequest& request) {
  std::uint64_t most = 0;
  for (const Candidate& candidate : candidates) {
    most = std::max<std::uint64_t>(most, placed(candidate.offers, request).size());
  }
  return most;
}

// The error for types that match and of which not enough devices fit. Names definitions if they are the
// reason.
Error no_room(const Snapshot& seen, const Definitions& defined, const ChoiceRequest& request,
              std::uint64_t fitting, const std::string& doing) {
  ChoiceRequest active_only = request;
  active_only.counting = Counting::active;
  const std::vector<Candidate> candidates = candidates_for(seen, defined, active_only);
  const bool by_definitions =
      request.counting == Counting::defined &&
      std::any_of(candidates.begin(), candidates.end(),
                  [&](const Candidate& candidate) { return fit_all(candidate, active_only); });
  const std::uint64_t beside_active = most_that_fit(candidates, active_only);
  std::vector<std::string> hints;
  if (by_definitions) {
    hints.emplace_back("list the definitions that are not active: mdevadm list --inactive");
    hints.emplace_back("count only active devices with --ignore-defined");
  } else {
    hints.push_back(request.needs.empty() ? "list available instances: mdevadm types"
                                          : matching_types(request));
  }
  if (request.persistent) {
    hints.emplace_back("select one that is not available now with --force");
  }
  const std::string what = what_is_asked(request);
  const char* beside = beside_active > fitting ? " beside the definitions that are not active" : "";
  return {ExitCode::no_capacity,
          request.count == 1
              ? fmt::format("{}: no available instances of {}{}", doing, what, beside)
              : fmt::format("{}: at most {} devices of {} fit{}", doing, fitting, what, beside),
          hints};
}

std::string what_it_has(const Type& type, const std::vector<Requirement>& needs) {
  std::vector<std::string> texts;
  for (const Requirement& need : needs) {
    for (const Property& property : type.properties) {
      if (property.name == need.property) {
        texts.push_back(fmt::format("{}={}", property.name, property.text));
      }
    }
  }
  return texts.empty() ? type.name.value_or(type.id.str()) : join(texts, ", ");
}

// Returns "0000:86:00.0", or "0000:86:00.0 (2) and 0000:87:00.0 (1)" for several devices.
std::string names_of(const std::vector<const Parent*>& parents) {
  std::map<std::string, std::size_t> counts;
  for (const Parent* parent : parents) {
    ++counts[parent->name.str()];
  }
  if (counts.size() == 1) {
    return counts.begin()->first;
  }
  std::vector<std::string> texts;
  for (const auto& [name, count] : counts) {
    texts.push_back(fmt::format("{} ({})", name, count));
  }
  return join(texts, ", ");
}

// Types of the same size may differ in what they are licensed for, so the user has to know of them.
std::string equal_types(const Choice& choice) {
  if (choice.equal.empty()) {
    return {};
  }
  std::vector<std::string> names;
  std::transform(choice.equal.begin(), choice.equal.end(), std::back_inserter(names),
                 [](const Type* type) { return with_name(*type); });
  const std::string series = series_of(*choice.equal.front());
  const bool by_series = rank_of(*choice.type) < rank_of(*choice.equal.front());
  return by_series ? fmt::format(
                         "; of the same size: {} (series are preferred in the order Q, C, B, A; select "
                         "another with --series {})",
                         join(names, ", "), series)
                   : fmt::format(
                         "; of the same size: {} (the first in the list is preferred; select another "
                         "with --type)",
                         join(names, ", "));
}

std::string reason(const Choice& choice, const ChoiceRequest& request) {
  const std::string number = request.count > 1 ? fmt::format(" for {} devices", request.count) : "";
  if (request.needs.empty()) {
    return fmt::format("selected {}{}{}", names_of(choice.parents),
                       number.empty() ? " for " : number + " of ", with_name(*choice.type));
  }
  return fmt::format("selected {} on {}{}, the smallest {}match ({}){}", with_name(*choice.type),
                     names_of(choice.parents), number,
                     request.availability == Availability::now ? "available " : "",
                     what_it_has(*choice.type, request.needs), equal_types(choice));
}

}  // namespace

std::optional<Placement> parse_placement(std::string_view text) {
  return text == "spread" ? std::optional(Placement::spread)
         : text == "pack" ? std::optional(Placement::pack)
                          : std::nullopt;
}

std::vector<ParentName> parents_with_match(const Snapshot& seen, const ChoiceRequest& request) {
  std::vector<ParentName> parents;
  for (const Parent& parent : seen.parents) {
    const std::vector<const Type*> types = parent.all_types();
    const bool offers = std::any_of(types.begin(), types.end(),
                                    [&](const Type* type) { return is_asked_for(parent, *type, request); });
    if (offers && (!request.parent || parent.name == *request.parent)) {
      parents.push_back(parent.name);
    }
  }
  return parents;
}

Choice choose(const Snapshot& seen, const Definitions& defined, const ChoiceRequest& request,
              const std::string& doing) {
  require_known_properties(seen, request.needs, doing);
  const std::vector<Candidate> candidates = candidates_for(seen, defined, request);
  if (candidates.empty()) {
    throw no_match(seen, request, doing);
  }
  const auto best = std::find_if(candidates.begin(), candidates.end(),
                                 [&](const Candidate& one) { return fit_all(one, request); });
  const auto is_listed = [](const Offer& offer) {
    return offer.parent->find_type(offer.type->id.str()) != nullptr;
  };
  if (best == candidates.end() && request.needs.empty() &&
      std::none_of(candidates.front().offers.begin(), candidates.front().offers.end(), is_listed)) {
    throw no_such_type(seen, request, doing);
  }
  if (best == candidates.end()) {
    throw no_room(seen, defined, request, most_that_fit(candidates, request), doing);
  }
  Choice choice{best->type, placed(best->offers, request), {}, {}};
  for (auto other = best + 1; other != candidates.end(); ++other) {
    const bool is_equal = size_of(*other, request.needs) == size_of(*best, request.needs);
    if (is_equal && fit_all(*other, request)) {
      choice.equal.push_back(other->type);
    }
  }
  choice.why = reason(choice, request);
  return choice;
}

}  // namespace mdevadm
