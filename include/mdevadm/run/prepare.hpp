// Preparation of parents: observes them and plans what their settings require (plan/prepare.hpp).
#pragma once

#include <chrono>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/model/parent_state.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/run/executor.hpp>
#include <string>

namespace mdevadm {

struct PrepareOptions {
  std::string argument{};  // the parent as the user typed it
  // How long to wait for a missing device. What the driver refuses while other programs use the GPU is
  // repeated for at least `least_patience`.
  std::chrono::milliseconds patience{0};
};

inline constexpr std::chrono::seconds least_patience{5};
// How long a lock of a parent is waited for while another process may prepare it.
inline constexpr std::chrono::minutes preparation_patience{15};

// Returns the state of a parent when its virtual functions are complete, or have not changed for three
// seconds, or after `limit`: the kernel, or another program, adds and binds them one by one.
ParentState observe_settled(const Host& host, const ParentName& name,
                            std::chrono::milliseconds limit = std::chrono::hours{1});

// Observes a parent and returns the job that prepares it. Runs the checks of commands that are not known to
// have succeeded. The caller holds the lock of the parent until the job has been executed. Throws Error.
Job prepare_job(const Effects& effects, const ParentSettings& settings, const PrepareOptions& options);

}  // namespace mdevadm
