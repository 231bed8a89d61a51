#include "probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/run/observe.hpp>

namespace mdevadm {

void note_remainder(const Effects& effects, const NoteRemainder& action) {
  const Snapshot seen =
      observe_host(effects, {.facets = Facet::devices | Facet::types | Facet::type_name | Facet::available |
                                       Facet::description | Facet::parent_identity,
                             .details_of = std::vector{action.parent},
                             .removals = false,
                             .other_parents = false});
  const Parent* parent = seen.find_parent(action.parent.str());
  if (parent == nullptr) {
    throw Error(ExitCode::not_found, fmt::format("parent {} no longer exists", action.parent.str()));
  }
  ProbeResult found{action.created, {}};
  for (const Type* type : parent->all_types()) {
    if (type->available) {
      found.left.push_back({type->id, *type->available});
    }
  }
  std::sort(found.left.begin(), found.left.end(),
            [](const TypeCount& a, const TypeCount& b) { return a.type < b.type; });
  ProbeResults results = effects.store.load_probes(action.parent);
  if (results.state != action.state) {
    results = {action.state};
  }
  results.add(std::move(found));
  effects.store.write_probes(action.parent, results);
}

}  // namespace mdevadm
