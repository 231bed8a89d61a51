// A start while it is being planned. Internal header.
#pragma once

#include <mdevadm/plan/start.hpp>
#include <optional>
#include <string>
#include <utility>

namespace mdevadm {

// Stages of a start.
constexpr unsigned making = 0;
constexpr unsigned sharing = 1;
constexpr unsigned going_online = 2;
constexpr unsigned ending = 3;

struct StartPlanner::Draft {
  const Definition& wanted;
  const Parent* parent;
  std::optional<Type> type{};
  Job job;
  std::string doing;
  Device device;  // the active device, or the expected state of the new one
  bool staged;    // waits for other jobs between the stages
  std::uint64_t units = 1;
  std::optional<std::string> arguments{};

  void add(unsigned stage, Action action, std::optional<Action> undo = std::nullopt) {
    job.steps.push_back({std::move(action), std::move(undo), staged ? stage : making});
  }

  // Scripts select their devices by the full type ID, so the hook event gets the resolved type.
  void notify_scripts() {
    job.hooks = {HookAction::start, wanted};
    job.hooks->about.type = device.type.value_or(wanted.type);
  }
};

}  // namespace mdevadm
