#include "place_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

const FixedPlacement* overlapped(const AvoidPlacements& action, std::uint64_t placement) {
  const auto found = std::find_if(action.fixed.begin(), action.fixed.end(), [&](const FixedPlacement& fixed) {
    return placement < fixed.first + fixed.size && fixed.first < placement + action.size;
  });
  return found == action.fixed.end() ? nullptr : &*found;
}

// Which placements a type can have depends on GPU, mode and other vGPUs, so the driver is asked: it refuses
// all others, without effect.
bool moves_away(const Host& host, const AvoidPlacements& action, const AttributeName& file) {
  for (unsigned placement = 0; placement + action.size <= action.memory; ++placement) {
    if (overlapped(action, placement) != nullptr) {
      continue;
    }
    try {
      host.write_attribute(action.device, {file, std::to_string(placement)});
      return true;
    } catch (const Error&) {
      // Refused: try the next one.
    }
  }
  return false;
}

}  // namespace

std::optional<std::string> reserve_function(const Effects& effects, const ReserveFunction& action,
                                            const Identity& about) {
  try {
    // Another process may have reserved it since the start was planned.
    const Definition& after = action.after;
    const Definitions defined = load_definitions(effects);
    if (const Definition* owner = reserved_for(defined, after.parent, after.function->str(), after.uuid)) {
      throw Error(ExitCode::conflict, fmt::format("another process has reserved virtual function {} for {}",
                                                  after.function->str(), identity_of(*owner).quoted()));
    }
    effects.store.replace(action.before, action.after);
    return std::nullopt;
  } catch (const Error& error) {
    return fmt::format(
        "{}: the definition does not reserve virtual function {}, so the next start may use "
        "another one: {}",
        about.quoted(), action.after.function->str(), error.what());
  }
}

std::optional<std::string> avoid_placements(const Host& host, const AvoidPlacements& action,
                                            const Identity& about) {
  const AttributeName file = *AttributeName::parse("nvidia/placement_id");
  const auto now = parse_decimal(host.read_attribute(action.device, file).value_or(""));
  // Without a number, the driver has no placements on this GPU or in this mode.
  const FixedPlacement* taken = now ? overlapped(action, *now) : nullptr;
  if (taken == nullptr || moves_away(host, action, file)) {
    return std::nullopt;
  }
  return fmt::format(
      "{}: uses placement {} in the framebuffer, because the driver has no other one free; the definition of "
      "{} requires it (placement_id {}), so that device cannot start while this one is active",
      about.quoted(), *now, taken->owner, taken->first);
}

}  // namespace mdevadm
