#include "ap_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/util/error.hpp>

namespace mdevadm::cli {

namespace {

ApKind kind_of(ValueKind kind) {
  return kind == ValueKind::ap_adapters  ? ApKind::adapter
         : kind == ValueKind::ap_domains ? ApKind::domain
                                         : ApKind::control_domain;
}

std::string shown(unsigned number, ApKind kind) {
  return format_ap_list(ApSet{}.set(number), kind);
}

// The queues of the host, and which of them are free.
struct Pool {
  std::vector<Apqn> queues{};
  std::map<Apqn, std::string> owners{};

  std::string owner_of(const Apqn& queue) const {
    const auto found = owners.find(queue);
    return found != owners.end() ? found->second : std::string{};
  }
};

Pool pool_of(const Snapshot& seen, const Definitions& defined) {
  Pool pool;
  if (!seen.ap || !seen.ap->adapters || !seen.ap->domains) {
    return pool;
  }
  const ApMatrix all{*seen.ap->adapters, *seen.ap->domains, {}};
  pool.queues = all.queues();
  for (const Apqn& queue : seen.ap->reserved_queues(all)) {
    pool.owners[queue] = "host";
  }
  for (const Device& device : seen.devices) {
    const Definition* definition = defined.find(device.uuid, device.parent);
    const bool is_named = definition != nullptr && definition->name;
    for (const Apqn& queue : device.queues ? device.queues->queues() : std::vector<Apqn>{}) {
      pool.owners[queue] = "device " + (is_named ? definition->name->str() : device.uuid.str());
    }
  }
  return pool;
}

std::vector<Candidate> numbers_on_host(const Pool& pool, ApKind kind) {
  struct Count {
    std::size_t all = 0, free = 0;
  };
  std::map<unsigned, Count> counts;
  for (const Apqn& queue : pool.queues) {
    Count& count = counts[kind == ApKind::adapter ? queue.adapter : queue.domain];
    ++count.all;
    count.free += pool.owner_of(queue).empty() ? 1U : 0U;
  }
  std::vector<Candidate> free;
  std::vector<Candidate> others;
  for (const auto& [number, count] : counts) {
    (count.free > 0 ? free : others)
        .push_back({shown(number, kind), fmt::format("{} of {} queues free", count.free, count.all)});
  }
  free.insert(free.end(), others.begin(), others.end());
  return free;
}

std::vector<Candidate> queues_on_host(const Pool& pool) {
  std::vector<Candidate> free;
  std::vector<Candidate> others;
  for (const Apqn& queue : pool.queues) {
    const std::string owner = pool.owner_of(queue);
    (owner.empty() ? free : others).push_back({queue.str(), owner.empty() ? "free" : owner});
  }
  free.insert(free.end(), others.begin(), others.end());
  return free;
}

// Returns the numbers that the definition or the active device has.
std::vector<Candidate> numbers_of_device(const std::string& word, const Snapshot& seen,
                                         const Definitions& defined, ApKind kind) {
  ApSet numbers;
  try {
    const Found found = resolve_device(word, seen, defined, std::nullopt, "");
    for (const Definition* definition : found.definitions) {
      numbers |= assigned_by(definition->attributes).of(kind);
    }
    if (found.active != nullptr && found.active->queues) {
      numbers |= found.active->queues->of(kind);
    }
  } catch (const Error&) {  // not a device: nothing to remove
  }
  std::vector<Candidate> result;
  for (const unsigned number : numbers_of(numbers)) {
    result.push_back({shown(number, kind), "assigned"});
  }
  return result;
}

}  // namespace

std::vector<Candidate> complete_queues(ValueKind kind, const CompletionRequest& request, Context& context) {
  const std::size_t start = request.word.rfind(',') + 1;  // 0 if there is no comma
  std::string before = request.word.substr(0, start);
  const std::string last = request.word.substr(start);
  const bool has_sign = kind != ValueKind::ap_queues && (last.starts_with('+') || last.starts_with('-'));
  before += has_sign ? last.substr(0, 1) : std::string{};
  const Snapshot seen =
      context.observe({Facet::devices | Facet::queues | Facet::ap_bus, std::nullopt, std::nullopt});
  const Definitions defined = load_definitions({context.host(), context.store()});
  std::vector<Candidate> found =
      has_sign && last.front() == '-' ? numbers_of_device(request.device, seen, defined, kind_of(kind))
      : kind == ValueKind::ap_queues  ? queues_on_host(pool_of(seen, defined))
                                      : numbers_on_host(pool_of(seen, defined), kind_of(kind));
  for (Candidate& one : found) {
    one.value = before + one.value;
  }
  return found;
}

}  // namespace mdevadm::cli
