// Queues that are reserved for the host, and how to get them or do without them.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

// Returns those of the queues that the host does not have and that cannot be released either: only masks
// apply to such queues, and masks cannot be written while queues have overrides.
std::vector<Apqn> unobtainable(const ApHost& host, std::vector<Apqn> queues) {
  std::erase_if(queues, [&](const Apqn& queue) { return host.overrides.empty() || host.has(queue); });
  return queues;
}

}  // namespace

std::vector<Apqn> bindable_queues(const Snapshot& seen, const ApMatrix& matrix) {
  std::vector<Apqn> unbound = seen.ap ? unbound_queues(*seen.ap, {}, matrix) : std::vector<Apqn>{};
  std::erase_if(unbound, [&](const Apqn& queue) { return seen.ap->reserves(queue); });
  return unbound;
}

std::string describe_reserved(const ApHost& host, const std::vector<Apqn>& queues) {
  constexpr std::size_t named = 4;
  const bool is_one = queues.size() == 1;
  const bool is_absent = unobtainable(host, queues).size() == queues.size();
  return fmt::format("{} {} {} {}reserved for the host ({})", is_one ? "queue" : "queues",
                     format_queues(queues, named), is_one ? "is" : "are",
                     is_absent ? "not on this host, and " : "", host.reservation_of(queues));
}

std::vector<std::string> advice_on_reserved(const Snapshot& seen, const Definition* definition,
                                            const std::vector<Apqn>& queues) {
  std::vector<std::string> advice = advice_to_release(*seen.ap, queues);
  const std::vector<Apqn> absent = unobtainable(*seen.ap, queues);
  if (absent.empty()) {
    return advice;
  }
  std::string options;
  for (const MissingNumbers& missing : missing_numbers(seen, spanned_by(absent))) {
    options += definition != nullptr ? missing.correction(assigned_by(definition->attributes)) : "";
  }
  advice.push_back(options.empty() ? "list the queues of the host: mdevadm show matrix"
                                   : fmt::format("remove what this host does not have: mdevadm modify {}{}",
                                                 shell_word(identity_of(*definition).word()), options));
  return advice;
}

}  // namespace mdevadm
