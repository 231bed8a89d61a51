// Reads what the check of a host examines, for `check` and `export metrics`.
#pragma once

#include <functional>
#include <mdevadm/plan/check.hpp>
#include <mdevadm/render/columns.hpp>
#include <optional>
#include <string>
#include <vector>

#include "context.hpp"

namespace mdevadm::cli {

struct HostCheck {
  Definitions defined{};
  Groups groups{};
  AllParentSettings settings{};
  BootEvents boot{};
  Snapshot seen{};
  HostFacts facts{};
  std::vector<FileProblem> unread{};
  std::vector<UnpreparedParent> unprepared{};
  Claims claims{};
  std::optional<HostDescribed> described{};
  std::optional<FileProblem> state{};
  std::vector<UnusableScript> scripts{};

  // The result refers to this object.
  CheckInput input() const;
};

// `words`: names of devices of the host that are examined beside parents and those that definitions name.
// `more`: facets that the caller reads beyond check_facets.
HostCheck read_host_check(Context& context, const std::vector<std::string>& words, Facet more = Facet::none);

render::FindingRow finding_row(const ObjectFinding& found);

}  // namespace mdevadm::cli
