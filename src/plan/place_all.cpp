// place_all(): the places of many devices beside each other.
#include <algorithm>
#include <map>
#include <mdevadm/plan/choose.hpp>
#include <numeric>

#include "candidates.hpp"

namespace mdevadm {

namespace {

class AllPlacer {
 public:
  AllPlacer(const Snapshot& seen, Rooms& rooms, const std::vector<ChoiceRequest>& requests,
            PlacingEffort& effort)
      : requests_(requests), effort_(effort), taken_(requests.size()) {
    for (const ChoiceRequest& request : requests) {
      candidates_.push_back(&find_candidates(seen, rooms, request));
    }
  }

  // Returns whether a parent offers what is requested, with or without room.
  bool is_offered(std::size_t number) const {
    return requests_[number].count == 0 || !candidates_[number]->empty();
  }

  // Places all requests, in this order or, if that fails, in any way that is found. Otherwise takes nothing
  // and returns the first one that failed in this order.
  std::optional<std::size_t> place(const std::vector<std::size_t>& order) {
    const std::optional<std::size_t> failed = one_by_one(order, false);
    if (!failed) {
      return std::nullopt;
    }
    const std::vector<std::size_t> hardest = hardest_first(order);
    const bool found = !one_by_one(hardest, false) || !one_by_one(hardest, true) || search(hardest);
    return found ? std::nullopt : failed;
  }

  // Places the requests in this order, and leaves out those that find no room.
  std::vector<Placing::Failure> place_most(const std::vector<std::size_t>& order) {
    std::vector<Placing::Failure> failed;
    for (const std::size_t i : order) {
      if (!take_best(i, requests_[i])) {
        take_rest(i);
        failed.push_back({i, taken_[i].size()});
        give_back(taken_[i], requests_[i].units);
        taken_[i].clear();
      }
    }
    return failed;
  }

  // Takes as much as fits, with the candidate of which most devices fit.
  void take_rest(std::size_t number) {
    ChoiceRequest request = requests_[number];
    const Candidate* best = nullptr;
    std::size_t most = 0;
    for (const Candidate& candidate : *candidates_[number]) {
      const std::vector<const Offer*> taken = taken_by(candidate.offers, request);
      give_back(taken, request.units);
      if (taken.size() > most) {
        best = &candidate;
        most = taken.size();
      }
    }
    if (best != nullptr) {
      taken_[number] = taken_by(best->offers, request);
    }
  }

  // Returns how many devices of a request fit after those before it.
  std::uint64_t fitting(std::size_t number, const std::vector<std::size_t>& before) {
    for (const std::size_t i : before) {
      if (i == number) {
        break;
      }
      take_best(i, requests_[i]);
    }
    take_rest(number);
    const std::uint64_t count = taken_[number].size();
    undo();
    return count;
  }

  std::vector<std::vector<ChosenPlace>> places() const {
    std::vector<std::vector<ChosenPlace>> result;
    for (const std::vector<const Offer*>& taken : taken_) {
      std::vector<ChosenPlace>& places = result.emplace_back();
      for (const Offer* offer : taken) {
        places.push_back({offer->parent, offer->type});
      }
    }
    return result;
  }

 private:
  using Key = std::tuple<std::string, std::string, std::vector<ParentName>>;

  // Places the requests one by one, in this order. On failure nothing is taken.
  std::optional<std::size_t> one_by_one(const std::vector<std::size_t>& order, bool pack) {
    for (const std::size_t i : order) {
      ChoiceRequest request = requests_[i];
      request.placement = pack ? Placement::pack : request.placement;
      if (!take_best(i, request)) {
        undo();
        return i;
      }
    }
    return std::nullopt;
  }

  // Tries all ways to place the requests, as long as that does not take too long.
  bool search(const std::vector<std::size_t>& order) {
    if (search_from(order, 0)) {
      return true;
    }
    undo();
    return false;
  }

  // Requests with few parents and large types first: they are the hardest to place.
  std::vector<std::size_t> hardest_first(std::vector<std::size_t> order) const {
    const auto key = [&](std::size_t i) {
      std::size_t offers = 0;
      for (const Candidate& candidate : *candidates_[i]) {
        offers += candidate.offers.size();
      }
      const Size size =
          candidates_[i]->empty() ? Size{} : size_of(candidates_[i]->front(), requests_[i].needs);
      return std::tuple(offers, ~std::get<0>(size), ~std::get<2>(size), ~requests_[i].units);
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    return order;
  }

  // Many requests ask for the same.
  const std::vector<Candidate>& find_candidates(const Snapshot& seen, Rooms& rooms,
                                                const ChoiceRequest& request) {
    std::vector<ParentName> among = request.among;
    if (request.parent) {
      among.push_back(*request.parent);
    }
    const Key key{request.type, join_requirements(request.needs), among};
    const auto found = known_.find(key);
    return found != known_.end() ? found->second
                                 : known_.emplace(key, candidates_for(seen, rooms, request)).first->second;
  }

  // Prefers types that drivers list to those that they may accept.
  bool take_best(std::size_t number, const ChoiceRequest& request) {
    for (const bool is_certain : {true, false}) {
      for (const Candidate& candidate : *candidates_[number]) {
        std::vector<const Offer*> taken = taken_by(candidate.offers, request);
        effort_.tried += candidate.offers.size() * (taken.size() + 1);
        const bool hides =
            std::any_of(taken.begin(), taken.end(), [](const Offer* offer) { return offer->type->hidden; });
        if (taken.size() == request.count && !(is_certain && hides)) {
          taken_[number] = std::move(taken);
          return true;
        }
        give_back(taken, request.units);
      }
    }
    return request.count == 0;
  }

  void undo() {
    for (std::size_t i = 0; i < taken_.size(); ++i) {
      give_back(taken_[i], requests_[i].units);
      taken_[i].clear();
    }
  }

  bool search_from(const std::vector<std::size_t>& order, std::size_t place) {
    if (place == order.size()) {
      return true;
    }
    const std::size_t number = order[place];
    const std::vector<Candidate>& candidates = *candidates_[number];
    return requests_[number].count == 0
               ? search_from(order, place + 1)
               : std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
                   return search_devices(order, place, candidate, 0);
                 });
  }

  // The devices of a request are alike, so each goes to the parent of the one before it or to a later one.
  bool search_devices(const std::vector<std::size_t>& order, std::size_t place, const Candidate& candidate,
                      std::size_t from) {
    const std::size_t number = order[place];
    const ChoiceRequest& request = requests_[number];
    if (taken_[number].size() == request.count) {
      return search_from(order, place + 1);
    }
    for (std::size_t i = from; i < candidate.offers.size(); ++i) {
      const Offer& offer = candidate.offers[i];
      if (effort_.is_spent()) {
        return false;
      }
      ++effort_.tried;
      if (!offer.room->fits(*offer.type, request.units)) {
        continue;
      }
      offer.room->take(*offer.type, request.units);
      taken_[number].push_back(&offer);
      if (search_devices(order, place, candidate, i)) {
        return true;
      }
      if (effort_.is_spent()) {
        return false;  // undo() gives everything back
      }
      taken_[number].pop_back();
      offer.room->give_back(*offer.type, request.units);
    }
    return false;
  }

  const std::vector<ChoiceRequest>& requests_;
  PlacingEffort& effort_;
  std::map<Key, std::vector<Candidate>> known_;
  std::vector<const std::vector<Candidate>*> candidates_;
  std::vector<std::vector<const Offer*>> taken_;
};

// Returns the numbers of the requests that are not in `rest`.
std::vector<std::size_t> without(std::size_t requests, const std::vector<std::size_t>& rest) {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < requests; ++i) {
    if (std::find(rest.begin(), rest.end(), i) == rest.end()) {
      result.push_back(i);
    }
  }
  return result;
}

}  // namespace

Placing place_all(const Snapshot& seen, Rooms& rooms, const std::vector<ChoiceRequest>& requests,
                  const std::vector<std::size_t>& rest, PlacingEffort& effort) {
  AllPlacer placer(seen, rooms, requests, effort);
  std::vector<std::size_t> order = without(requests.size(), rest);
  Placing result;
  std::erase_if(order, [&](std::size_t i) {
    if (placer.is_offered(i)) {
      return false;
    }
    result.failed.push_back({i, 0});
    return true;
  });
  while (const auto failed = placer.place(order)) {
    result.failed.push_back({*failed, placer.fitting(*failed, order)});
    std::erase(order, *failed);
    // It is clear now that not all fit. Which of the others do may be found out less exactly.
    if (effort.is_spent()) {
      const std::vector<Placing::Failure> more = placer.place_most(order);
      result.failed.insert(result.failed.end(), more.begin(), more.end());
      break;
    }
  }
  std::sort(result.failed.begin(), result.failed.end(),
            [](const Placing::Failure& a, const Placing::Failure& b) { return a.request < b.request; });
  for (const std::size_t i : rest) {
    placer.take_rest(i);
  }
  result.places = placer.places();
  return result;
}

bool can_place_all(const Snapshot& seen, Rooms rooms, const std::vector<ChoiceRequest>& requests,
                   const std::vector<std::size_t>& rest, PlacingEffort& effort) {
  return !AllPlacer(seen, rooms, requests, effort).place(without(requests.size(), rest));
}

}  // namespace mdevadm
