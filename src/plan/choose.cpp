#include <mdevadm/plan/choose.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <tuple>

#include "candidates.hpp"
#include "gvt_offers.hpp"

namespace mdevadm {

namespace {

std::string force_hint(const ChoiceRequest& request) {
  return request.count == 1 ? "define it although no instance is available now: --force"
                            : "define them although not enough instances are available now: --force";
}

// Adds parents for the devices that do not fit now: those with the most room, which is the maximum of an idle
// parent, less the devices that it has and those that it is given here.
void add_later(std::vector<const Parent*>& parents, const std::vector<Offer>& offers,
               const ChoiceRequest& request) {
  std::map<const Parent*, std::uint64_t> more;
  const auto key = [&](const Offer& offer) {
    const std::uint64_t devices = offer.room->devices() + more[offer.parent];
    const std::uint64_t most = offer.type->maximum.value_or(0);
    const std::uint64_t left = most - std::min(most, devices);
    const bool spread = request.placement == Placement::spread;
    return std::tuple(offer.type->hidden, left == 0, spread ? ~left : left, devices);
  };
  while (parents.size() < request.count && !offers.empty()) {
    const auto best =
        std::min_element(offers.begin(), offers.end(),
                         [&](const Offer& one, const Offer& other) { return key(one) < key(other); });
    parents.push_back(best->parent);
    ++more[best->parent];
  }
}

// Returns the parents of the devices that fit, in order; with Availability::later those of all devices.
std::vector<const Parent*> placed(const std::vector<Offer>& offers, const ChoiceRequest& request) {
  const std::vector<const Offer*> taken = taken_by(offers, request);
  std::vector<const Parent*> parents;
  std::transform(taken.begin(), taken.end(), std::back_inserter(parents),
                 [](const Offer* offer) { return offer->parent; });
  if (request.availability == Availability::later) {
    add_later(parents, offers, request);
  }
  give_back(taken, request.units);
  return parents;
}

bool fit_all(const std::vector<Offer>& offers, const ChoiceRequest& request) {
  return placed(offers, request).size() == request.count;
}

// Returns the first candidate of which all devices fit: one that the drivers list, or else one that they may
// accept (Type::hidden).
std::vector<Candidate>::const_iterator best_of(const std::vector<Candidate>& candidates,
                                               const ChoiceRequest& request) {
  const auto is_certain = [&](const Candidate& candidate) {
    std::vector<Offer> offers = candidate.offers;
    std::erase_if(offers, [](const Offer& offer) { return offer.type->hidden; });
    return fit_all(offers, request);
  };
  const auto certain = request.availability == Availability::now
                           ? std::find_if(candidates.begin(), candidates.end(), is_certain)
                           : candidates.end();
  return certain != candidates.end()
             ? certain
             : std::find_if(candidates.begin(), candidates.end(),
                            [&](const Candidate& candidate) { return fit_all(candidate.offers, request); });
}

std::string what_is_asked(const ChoiceRequest& request) {
  return request.needs.empty() ? fmt::format("type {}", printable(request.type))
                               : fmt::format("any type with {}", join_requirements(request.needs));
}

std::string matching_types(const ChoiceRequest& request) {
  std::string words = "mdevadm types";
  for (const Requirement& need : request.needs) {
    words += " --need " + shell_word(need.text);
  }
  return "list the matching types: " + words;
}

// Returns the first parent on which devices keep types from being listed, or nullptr.
const Parent* restricted(const Snapshot& seen, const ChoiceRequest& request) {
  const auto found = std::find_if(seen.parents.begin(), seen.parents.end(), [&](const Parent& parent) {
    const bool is_used = std::any_of(seen.devices.begin(), seen.devices.end(),
                                     [&](const Device& device) { return device.parent == parent.name; });
    return parent.capabilities.types_vanish && is_used && (!request.parent || parent.name == *request.parent);
  });
  return found == seen.parents.end() ? nullptr : &*found;
}

// Returns the first GPU that has such a type and offers none because its virtual functions are off, or
// nullptr.
const Parent* without_functions(const Snapshot& seen, const ChoiceRequest& request) {
  const auto found = std::find_if(seen.parents.begin(), seen.parents.end(), [&](const Parent& parent) {
    const std::vector<const Type*> types = parent.all_types();
    return parent.capabilities.functions && parent.functions.empty() &&
           (!request.parent || parent.name == *request.parent) &&
           std::any_of(types.begin(), types.end(),
                       [&](const Type* type) { return is_asked_for(parent, *type, request); });
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
    Error error = not_offered(seen, *parent, type, doing);
    if (!request.parent && error.code() == ExitCode::not_found) {
      error = with_candidates(error, seen, request.type);
    }
    return request.persistent && without_functions(seen, request) ? error.with_hint(force_hint(request))
                                                                  : error;
  }
  if (const Parent* off = without_functions(seen, request)) {
    std::vector<std::string> hints{fmt::format("{}: {}", off->name.str(), notice_of(*off))};
    if (request.persistent) {
      hints.push_back(force_hint(request));
    }
    return {ExitCode::no_capacity,
            fmt::format("{}: no available instances of type {}: virtual functions are not enabled", doing,
                        printable(request.type)),
            hints};
  }
  bool is_excluded = false;
  std::vector<std::string> known;
  for (const Parent& one : seen.parents) {
    is_excluded |= not_offered(seen, one, type, doing).code() == ExitCode::no_capacity;
    if (const auto finding = too_large_for_aperture(one, request.type)) {
      return {ExitCode::not_found,
              fmt::format("{}: {} has no type '{}': {}", doing, one.name.str(), printable(request.type),
                          finding->what),
              finding->advice};
    }
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
  return with_candidates(
      {ExitCode::not_found, fmt::format("{}: no parent has a type '{}'", doing, printable(request.type)),
       meant.empty() ? "list types: mdevadm types" : meant},
      seen, request.type);
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
            fmt::format("list the types that can be created now: mdevadm types {}", parent->name.str())};
  }
  const Error none = no_type_meets(request.needs);
  const Error named = none.reworded(fmt::format("{}: {}", doing, none.what()));
  return seen.parents.empty() && !request.parent ? with_candidates(named, seen, {}) : named;
}

std::uint64_t most_that_fit(const std::vector<Candidate>& candidates, const ChoiceRequest& request) {
  std::uint64_t most = 0;
  for (const Candidate& candidate : candidates) {
    most = std::max<std::uint64_t>(most, placed(candidate.offers, request).size());
  }
  return most;
}

// Returns hints for the GPUs that have free virtual functions, all of which are reserved.
std::vector<std::string> reservations(const Snapshot& seen, const Definitions& defined) {
  std::vector<std::string> hints;
  for (const Parent& parent : seen.parents) {
    bool has_free = false;
    bool has_other = false;
    for (const Function& function : parent.functions) {
      if (function.usable && !function.type && !function.creatable.empty()) {
        const bool is_reserved = defined.withholds(parent.name, function.address) ||
                                 reserved_for(defined, parent.name, function.address, {}) != nullptr;
        (is_reserved ? has_free : has_other) = true;
      }
    }
    if (has_free && !has_other) {
      hints.push_back(
          fmt::format("all free virtual functions of {0} are reserved by definitions or by its settings: "
                      "mdevadm show {0}",
                      parent.name.str()));
    }
  }
  return hints;
}

// Returns the first GPU on which all devices would fit if it mixed framebuffer sizes, or nullptr.
const Parent* fits_with_mixed_sizes(const Snapshot& seen, const Definitions& defined,
                                    const ChoiceRequest& request) {
  Rooms rooms(seen, defined, request.counting, request.mixed);
  if (rooms.assume_mixed_sizes().empty()) {
    return nullptr;
  }
  for (const Candidate& candidate : candidates_for(seen, rooms, request)) {
    const std::vector<const Parent*> parents = placed(candidate.offers, request);
    if (parents.size() == request.count && !parents.empty()) {
      return parents.front();
    }
  }
  return nullptr;
}

// The error for types that match and of which not enough devices fit. Names definitions and reservations if
// they are the reason.
Error no_room(const Snapshot& seen, const Definitions& defined, const ChoiceRequest& request,
              std::uint64_t fitting, const std::string& doing) {
  ChoiceRequest active_only = request;
  active_only.counting = Counting::active;
  Rooms rooms(seen, defined, active_only.counting, active_only.mixed);
  const std::vector<Candidate> candidates = candidates_for(seen, rooms, active_only);
  const bool by_definitions =
      request.counting == Counting::defined &&
      std::any_of(candidates.begin(), candidates.end(),
                  [&](const Candidate& candidate) { return fit_all(candidate.offers, active_only); });
  const std::uint64_t beside_active = most_that_fit(candidates, active_only);
  std::vector<std::string> hints = reservations(seen, defined);
  const Parent* off = fitting == 0 ? without_functions(seen, request) : nullptr;
  if (off != nullptr) {
    hints.push_back(fmt::format("{}: {}", off->name.str(), notice_of(*off)));
  }
  if (const Parent* mixed = fits_with_mixed_sizes(seen, defined, request)) {
    hints.push_back(advice_to_mix_at_boot(mixed->name.str()));
  }
  if (beside_active > fitting) {
    hints.emplace_back("list the definitions that are not active: mdevadm list --inactive");
  }
  if (by_definitions) {
    hints.emplace_back("count only active devices with --ignore-defined");
  } else {
    hints.push_back(request.needs.empty() ? "list available instances: mdevadm types"
                                          : matching_types(request));
  }
  if (request.persistent) {
    hints.push_back(force_hint(request));
  }
  const std::string what = what_is_asked(request);
  const char* others = beside_active > fitting ? "; definitions that are not active take instances"
                       : off != nullptr        ? ": virtual functions are not enabled"
                                               : "";
  return {ExitCode::no_capacity,
          fitting == 0 ? fmt::format("{}: no available instances of {}{}", doing, what, others)
                       : fmt::format("{}: available instances for only {} {} of {}{}", doing, fitting,
                                     fitting == 1 ? "device" : "devices", what, others),
          hints};
}

std::string what_it_has(const Type& type, const std::vector<Requirement>& needs) {
  std::vector<std::string> texts;
  for (const Requirement& need : needs) {
    const auto text = text_of_property(type, need.property);
    // The message names the type already.
    if (text && need.property != "name" && need.property != "type") {
      texts.push_back(fmt::format("{}={}", need.property, *text));
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

// Types of the same size may need different licences, so the message names them.
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

// Returns the warning for a choice that the driver of a parent may refuse; empty if there is none.
std::string doubt_of(const Choice& choice, const std::vector<Offer>& offers) {
  const auto hides = [&](const Parent* parent) {
    return std::any_of(offers.begin(), offers.end(),
                       [&](const Offer& offer) { return offer.parent == parent && offer.type->hidden; });
  };
  const auto parent = std::find_if(choice.parents.begin(), choice.parents.end(), hides);
  return parent == choice.parents.end()
             ? std::string{}
             : fmt::format("; the driver does not list this type on {} now, and may refuse it (mixed sizes)",
                           (*parent)->name.str());
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

Error no_type_meets(const std::vector<Requirement>& needs) {
  return {ExitCode::not_found, fmt::format("no type has {}", join_requirements(needs)),
          "list the types: mdevadm types"};
}

std::optional<Error> why_unmet(const Snapshot& seen, const ChoiceRequest& request) {
  return !request.needs.empty() && parents_with_match(seen, request).empty() &&
                 restricted(seen, request) == nullptr
             ? std::optional(no_type_meets(request.needs))
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
  Rooms rooms(seen, defined, request.counting, request.mixed);
  const std::vector<Candidate> candidates = candidates_for(seen, rooms, request);
  if (candidates.empty()) {
    throw no_match(seen, request, doing);
  }
  const auto best = best_of(candidates, request);
  const auto is_listed = [](const Offer& offer) {
    return offer.type->hidden || offer.parent->find_type(offer.type->id.str()) != nullptr;
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
    if (is_equal && fit_all(other->offers, request)) {
      choice.equal.push_back(other->type);
    }
  }
  choice.why = reason(choice, request) +
               (request.availability == Availability::now ? doubt_of(choice, best->offers) : std::string{});
  return choice;
}

}  // namespace mdevadm
