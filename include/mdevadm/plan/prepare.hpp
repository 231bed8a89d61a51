// Planning of what the settings of a parent (model/parent_settings.hpp) require: its virtual functions (VFs),
// and the commands that are run when they exist. Pure functions.
#pragma once

#include <chrono>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/model/parent_state.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mdevadm {

// What is known when the preparation of a parent is planned.
struct PrepareFacts {
  const ParentSettings& settings;
  const ParentState& state;  // with users
  const Preparation& done;
  // For each command whether its check has succeeded; empty: none was run.
  std::vector<bool> checked{};
  // Addresses of VFs to which another program has assigned their type.
  std::set<std::string> unmanaged{};
};

Identity identity_of(const ParentSettings& settings, const std::string& argument = {});

// Returns the method: that of the settings, or else sriov-manage for NVIDIA's GPUs and sysfs for others.
FunctionMethod method_for(const ParentSettings& settings, const ParentState& state);

// Returns the number of VFs that the settings demand of this parent; nullopt: any.
std::optional<std::uint64_t> wanted_functions(const ParentSettings& settings, const ParentState& state);

// Returns whether NVIDIA's driver has bound VFs before nvidia-vgpud gave it the types of the GPU. On kernels
// with mdev such VFs offer no types until they are disabled and enabled again (nv-vgpu-vfio-interface.c in
// NVIDIA's vGPU host driver: a VF becomes a parent only when it is probed). false if a VF is in use: the
// VFs cannot be disabled then.
bool lacks_types(const ParentState& state);

// Returns whether the number of VFs is as wanted and, with sriov-manage, all are bound to NVIDIA's driver and
// not without types.
bool has_functions_as_wanted(const ParentSettings& settings, const ParentState& state);
// Returns what they lack, if they are not as wanted: "0 of 32 virtual functions are enabled".
std::string why_not_as_wanted(const ParentSettings& settings, const ParentState& state);

// Returns whether another program or the kernel may still be enabling the VFs: some are missing or without
// driver, or an NVIDIA GPU is temporarily without its driver.
bool is_settling(const ParentState& state);

// Returns the commands that have not succeeded since boot, or since the driver was bound and the VFs were
// created, by index.
std::vector<std::size_t> pending_commands(const PrepareFacts& facts);

// Throws Error{conflict} if the settings demand what the parent cannot have, whatever its state.
void require_possible(const ParentSettings& settings, const ParentState& state, const std::string& doing);

// Returns why the parent is not as the settings demand; nullopt: it is.
std::optional<std::string> why_not_prepared(const PrepareFacts& facts);

// Returns the job that makes the parent as the settings demand; if it already is, it has a note, and at most
// a step that records it. A parent of which any function is in use or has a vGPU is not changed. `patience`:
// how long to repeat what the driver refuses while other programs use the GPU. Throws Error: not_found
// (absent; worth retrying), conflict (impossible), in_use, failed.
Job plan_prepare(const PrepareFacts& facts, const std::string& argument, std::chrono::milliseconds patience);

// Plan the changes of the settings. `before`: the present ones, if any. Warns of virtual functions that are
// withheld from definitions that have reserved them.
Job plan_parent_set(const std::optional<ParentSettings>& before, const ParentSettings& after,
                    const Definitions& defined, const std::string& argument);
Job plan_parent_unset(const ParentSettings& settings, const std::string& argument);

}  // namespace mdevadm
