// The devices in the JSON results of changing commands.
#pragma once

#include <mdevadm/plan/identity.hpp>
#include <mdevadm/render/grid.hpp>
#include <vector>

#include "context.hpp"

namespace mdevadm::cli {

// Observes the devices and returns each as `show --json` prints it; null for those that are not active.
std::vector<render::Value> result_devices(const Context& context, const std::vector<Identity>& wanted);

}  // namespace mdevadm::cli
