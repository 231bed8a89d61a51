// On which virtual function (VF) a device is started.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/abi.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/util/error.hpp>

#include "start_draft.hpp"

namespace mdevadm {

// Throws Error{conflict} if another device is on the VF that the definition reserves. That precedes the type:
// a driver does not offer other sizes beside that device.
void StartPlanner::require_vacant(const Draft& draft) const {
  const FunctionName* reserved = draft.wanted.reserved_vf();
  for (const Function& function :
       draft.parent != nullptr ? draft.parent->functions : std::vector<Function>{}) {
    if (reserved == nullptr || function.address != reserved->str() || !function.type) {
      continue;
    }
    const Device* user = device_on(seen_, function.address);
    const Device unknown{.uuid = Uuid::of_name(function.address),
                         .parent = draft.wanted.parent,
                         .type = function.type,
                         .name = draft.parent->capabilities.named_by_function ? function.address : "",
                         .vf = function.address,
                         .unmanaged = true};
    throw function_in_use(seen_, user != nullptr ? *user : unknown, options_.defined, draft.wanted,
                          draft.doing);
  }
}

// Returns the VF that is reserved for the device, or the first free one that supports the type and is not
// reserved for another.
std::string StartPlanner::function_for(const Draft& draft) const {
  const FunctionName* reserved = draft.wanted.reserved_vf();
  if (options_.defined != nullptr) {
    require_known_reservations(*options_.defined, draft.wanted, draft.doing);
    require_assignable(*options_.defined, draft.wanted, draft.doing);
    // Two definitions can reserve the same VF (by hand, or with --force): the first one started gets it.
    const Definition* own = options_.defined->find(draft.wanted.uuid, draft.wanted.parent);
    if (!options_.bare && (own == nullptr || own->function != draft.wanted.function)) {
      require_free_function(seen_, *options_.defined, draft.wanted, draft.doing);
    }
  }
  for (const Function& function : draft.parent->functions) {
    if (reserved == nullptr || function.address != reserved->str()) {
      continue;
    }
    if (!function.usable) {
      throw unusable_function(function, *draft.parent, draft.doing);
    }
    if (takes(draft, function)) {
      return function.address;
    }
    if (names_.contains(function.address)) {
      throw Error(ExitCode::conflict,
                  fmt::format("{}: virtual function {} is used by another device of the same command",
                              draft.doing, function.address),
                  "list the reservations: mdevadm list --defined -o name,uuid,vf");
    }
  }
  const std::vector<std::string> free =
      reserved == nullptr ? free_functions_for(draft) : std::vector<std::string>{};
  if (free.empty()) {
    throw no_free_function(draft);
  }
  return free.front();
}

// Returns whether the VF is free and accepts the type.
bool StartPlanner::takes(const Draft& draft, const Function& function) const {
  const bool accepts =
      draft.type->hidden || std::any_of(function.creatable.begin(), function.creatable.end(),
                                        [&](const NamedType& type) { return type.id == draft.type->id; });
  return function.usable && !function.type && accepts && !names_.contains(function.address);
}

// Returns the VFs that a device without a reserved one can get, those that have refused a type last.
std::vector<std::string> StartPlanner::free_functions_for(const Draft& draft) const {
  std::vector<std::string> free;
  for (const bool refused : {false, true}) {
    for (const Function& function : draft.parent->functions) {
      if (function.refused.empty() != refused && !is_reserved(draft, function) && takes(draft, function)) {
        free.push_back(function.address);
      }
    }
  }
  return free;
}

// Returns the VFs that can be used if the driver refuses the one that was chosen for the device. A VF of a
// definition is not exchanged: virtual machines refer to its address.
std::vector<std::string> StartPlanner::other_functions_for(const Draft& draft) const {
  return draft.device.vf.empty() || draft.wanted.reserved_vf() != nullptr ? std::vector<std::string>{}
                                                                          : free_functions_for(draft);
}

bool StartPlanner::is_reserved(const Draft& draft, const Function& function) const {
  return options_.defined != nullptr && (options_.defined->withholds(draft.wanted.parent, function.address) ||
                                         reserved_for(*options_.defined, draft.wanted.parent,
                                                      function.address, draft.wanted.uuid) != nullptr);
}

// Returns the error for a start without a VF; names the reservations if they are the reason.
Error StartPlanner::no_free_function(const Draft& draft) const {
  const Error full =
      capacity_error(seen_, *draft.parent, with_recorded_name(*draft.type, draft.wanted), 1, draft.doing);
  if (draft.wanted.reserved_vf() != nullptr) {
    return full;
  }
  for (const Function& function : draft.parent->functions) {
    const bool takes = std::any_of(function.creatable.begin(), function.creatable.end(),
                                   [&](const NamedType& type) { return type.id == draft.type->id; });
    if (!function.type && takes && is_reserved(draft, function)) {
      const Definition* owner =
          reserved_for(*options_.defined, draft.wanted.parent, function.address, draft.wanted.uuid);
      if (owner == nullptr) {
        return {
            ExitCode::no_capacity,
            fmt::format("{}: every free virtual function of {} is reserved, {} by the settings of the parent",
                        draft.doing, draft.parent->name.str(), function.address),
            fmt::format("remove this reservation: mdevadm parent set {} --unreserve {}",
                        draft.parent->name.str(), function.address)};
      }
      return {
          ExitCode::no_capacity,
          fmt::format("{}: every free virtual function of {} is reserved for another definition, {} for {}",
                      draft.doing, draft.parent->name.str(), function.address, identity_of(*owner).quoted()),
          std::vector<std::string>{
              fmt::format("list the reservations: mdevadm list --defined -p {} -o name,uuid,vf",
                          draft.parent->name.str()),
              advice_to_release_function(*owner)}};
    }
  }
  return full;
}

// Writes the VF of a device that has none yet into its definition: virtual machines refer to its address.
void StartPlanner::add_reservation(Draft& draft) const {
  const Definition& wanted = draft.wanted;
  if (!draft.parent->capabilities.functions || wanted.function || wanted.origin != Origin::mdevadm ||
      options_.defined == nullptr || options_.defined->find(wanted.uuid, wanted.parent) == nullptr) {
    return;
  }
  Definition before = wanted;
  for (const Step& step : draft.job.steps) {
    if (const auto* replaces = std::get_if<ReplaceDefinition>(&step.action)) {
      before = replaces->after;
    }
  }
  Definition after = before;
  after.function = FunctionName::parse(draft.device.vf.str());
  draft.add(ending, ReserveFunction{before, after});
}

}  // namespace mdevadm
