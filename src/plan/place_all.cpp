// place_all(): the places of many devices beside each other.
#include <algorithm>
#include <map>
#include <mdevadm/plan/choose.hpp>
#include <numeric>

#include "candidates.hpp"

namespace mdevadm {

namespace {

// Limits the search for another way to place the devices, in devices tried. Small hosts are searched
// completely.
constexpr std::size_t most_attempts = 200000;

class AllPlacer {
 public:
  AllPlacer(const Snapshot& seen, Rooms& rooms, const std::vector<ChoiceRequest>& requests)
      : requests_(requests), taken_(requests.size()) {
    for (const ChoiceRequest& request : requests) {
      candidates_.push_back(&find_candidates(seen, rooms, request));
    }
  }

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
    attempts_ = 0;
    if (search_from(order, 0)) {
      return true;
    }
    undo();
    return false;
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
      if (++attempts_ > most_attempts) {
        return false;
      }
      if (!offer.room->fits(*offer.type, request.units)) {
        continue;
      }
      offer.room->take(*offer.type, request.units);
      taken_[number].push_back(&offer);
      if (search_devices(order, place, candidate, i)) {
        return true;
      }
      if (attempts_ > most_attempts) {
        return false;  // undo() gives everything back
      }
      taken_[number].pop_back();
      offer.room->give_back(*offer.type, request.units);
    }
    return false;
  }

  const std::vector<ChoiceRequest>& requests_;
  std::map<Key, std::vector<Candidate>> known_;
  std::vector<const std::vector<Candidate>*> candidates_;
  std::vector<std::vector<const Offer*>> taken_;
  std::size_t attempts_ = 0;
};

}  // namespace

Placing place_all(const Snapshot& seen, Rooms& rooms, const std::vector<ChoiceRequest>& requests,
                  const std::vector<std::size_t>& rest) {
  AllPlacer placer(seen, rooms, requests);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (std::find(rest.begin(), rest.end(), i) == rest.end()) {
      order.push_back(i);
    }
  }
  Placing result;
  result.failed = placer.one_by_one(order, false);
  if (result.failed) {
    const std::vector<std::size_t> hardest = placer.hardest_first(order);
    const bool found =
        !placer.one_by_one(hardest, false) || !placer.one_by_one(hardest, true) || placer.search(hardest);
    if (!found) {
      result.fitting = placer.fitting(*result.failed, order);
      return result;
    }
    result.failed.reset();
  }
  for (const std::size_t i : rest) {
    placer.take_rest(i);
  }
  result.places = placer.places();
  return result;
}

}  // namespace mdevadm
