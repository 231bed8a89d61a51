// The steps of the preparation of a parent. Internal header.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/run/executor.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Changes the number of virtual functions (VFs) and verifies it; afterwards every GPU has NVIDIA's
// driver, whatever the outcome. Throws Error.
void change_functions(const Host& host, const ChangeFunctions& change);

// Returns whether the check of a command exists and succeeds: the command has run already. Throws Error.
bool check_succeeds(const Host& host, const ParentCommand& command);

// Runs a command. Throws Error with its last lines of output.
void run_command(const Host& host, const RunCommand& run);

// Records why a preparation has failed. Ignores errors.
void keep_failure(const Effects& effects, const ParentName& parent, const std::string& reason);

// Runs a step of a preparation; records why it fails, for later checks of the parent.
template <typename Run>
void prepare_step(const Effects& effects, const ParentName& parent, const Run& run) {
  try {
    run();
  } catch (const Error& error) {
    keep_failure(effects, parent, error.what());
    throw;
  }
}

// Change the settings of a parent, and discard the failure of a preparation by earlier ones. Throw Error.
void write_settings(const Effects& effects, const WriteParentSettings& action);
void remove_settings(const Effects& effects, const RemoveParentSettings& action);

// Records which commands have succeeded, and the state of the parent for which this holds. Throws Error.
void keep_preparation(const Effects& effects, const KeepPreparation& action);

}  // namespace mdevadm
