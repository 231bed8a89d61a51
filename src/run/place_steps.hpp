// Steps about the place of a vGPU on its GPU. Failing is a warning: the device works in any place.
#pragma once

#include <mdevadm/plan/plan.hpp>
#include <mdevadm/run/executor.hpp>
#include <optional>
#include <string>

namespace mdevadm {

// Carry out an action. Return a warning if it fails.
std::optional<std::string> reserve_function(const Effects& effects, const ReserveFunction& action,
                                            const Identity& about);
std::optional<std::string> avoid_placements(const Host& host, const AvoidPlacements& action,
                                            const Identity& about);

}  // namespace mdevadm
