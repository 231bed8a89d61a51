// Targets: texts of users in the layer plan.
#include <array>
#include <mdevadm/plan/probe.hpp>
#include <mdevadm/plan/requirement.hpp>
#include <mdevadm/util/error.hpp>
#include <string>

#include "target.hpp"

namespace mdevadm::fuzz {

namespace {

void requirement(std::string_view input) {
  static_cast<void>(parse_type_counts(input));
  try {
    static_cast<void>(parse_requirement(std::string(input)));
  } catch (const Error&) {
  }
}

}  // namespace

std::span<const Target> plan_targets() {
  static const std::array targets{Target{"requirement", requirement}};
  return targets;
}

}  // namespace mdevadm::fuzz
