#include <mdevadm/model/boot.hpp>

#include <algorithm>
#include <tuple>

namespace mdevadm {

std::string boot_word(BootOutcome outcome) {
  switch (outcome) {
    case BootOutcome::waiting: return "waiting";
    case BootOutcome::started: return "started";
    case BootOutcome::failed: return "failed";
    case BootOutcome::manual: return "manual";
  }
  return {};
}

std::optional<BootOutcome> parse_boot_outcome(std::string_view word) {
  for (const BootOutcome outcome :
       {BootOutcome::waiting, BootOutcome::started, BootOutcome::failed, BootOutcome::manual}) {
    if (word == boot_word(outcome)) {
      return outcome;
    }
  }
  return std::nullopt;
}

const BootEvent* BootEvents::find(const Uuid& uuid, const ParentName& parent) const {
  const auto wanted = std::tie(parent, uuid);
  const auto found = std::lower_bound(
      all.begin(), all.end(), wanted,
      [](const BootEvent& event, const auto& key) { return std::tie(event.parent, event.uuid) < key; });
  return found == all.end() || std::tie(found->parent, found->uuid) != wanted ? nullptr : &*found;
}

}  // namespace mdevadm
