// Planning of the changes that make a host as its description says (model/host_file.hpp). Pure functions.
#pragma once

#include <chrono>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/host_file.hpp>
#include <mdevadm/plan/boot.hpp>
#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/differences.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

inline constexpr Facet facets_to_apply = facets_to_define | Facet::online | Facet::peers | Facet::ap_bindings;

// Returns facets_to_apply and what else the description needs: GPUs that PCI IDs mean and that are no
// parents.
Facet facets_to_apply_file(const HostFile& file);

// What is known when the description is compared with the host. `seen` needs facets_to_apply_file().
struct ApplyInput {
  const HostFile& file;
  const Snapshot& seen;
  const Definitions& defined;
  const Groups& groups;
  const AllParentSettings& settings;
  // Devices in use with their processes (observe_users()), of those that ApplyPlan::stopping and correcting
  // named; nullptr: not yet observed.
  const Snapshot* users = nullptr;
};

// What is wrong with a description, or why it does not fit the host.
struct HostProblem {
  FileProblem problem;
  ExitCode code;
  std::vector<std::string> hints{};
};

struct ApplyOptions {
  bool prune = false;
  // Parents that are to be prepared first: which types and virtual functions they will have is not known.
  std::vector<ParentName> unprepared{};
  // Those of them whose preparation has failed or is not possible now: no device is placed or started there.
  std::vector<ParentName> failed{};
  std::vector<HostProblem> problems{};  // of the described parents, which the caller has found
  std::optional<std::chrono::steady_clock::time_point> deadline{};  // as in StopRequest
};

// A difference between the host and the description.
struct HostChange {
  // `correct`: an active device differs from its definition, which matches the description.
  enum class Kind { add, change, correct, remove, prepare, start, stop, restart } kind;
  enum class Object { parent, device, group } object;
  Identity about;
  std::vector<Difference> differences{};
};

std::string kind_word(HostChange::Kind kind);
std::string object_word(HostChange::Object object);

struct ApplyPlan {
  // If there are any, nothing may be changed, and the plan has nothing else.
  std::vector<HostProblem> problems{};
  std::vector<HostChange> changes{};  // empty: the host is as described
  std::vector<Job> parent_jobs{};     // change the settings of parents; everything else depends on them
  // The jobs of each device or group: each starts when the one before it has succeeded.
  std::vector<std::vector<Job>> chains{};
  // Changes without steps, for display: they can be planned when the parents have been prepared.
  std::vector<Job> deferred{};
  std::vector<Refusal> refused{};  // what cannot be changed now; everything else can
  std::vector<std::string> notes{};
  std::vector<Uuid> stopping{};       // active devices that are to be stopped
  std::vector<Uuid> correcting{};     // active devices that are to be corrected
  std::vector<ParentName> parents{};  // on which devices are stopped or started
  std::size_t devices = 0;            // described
  std::size_t effort = 0;             // of the search for places (PlacingEffort)
};

// Plans the changes: as few as possible. A definition keeps its parent and virtual function if the
// description allows them. Devices in use are not stopped, devices without a definition not changed. An
// active device that differs from its definition is corrected if that is possible while it is active. Only
// definitions and groups that were created from a description with the same namespace are removed, with
// `prune`. The caller prepares the parents; their settings are planned.
//
// All problems are found: those of reading the description (HostFile::problems), those that the caller has
// found, and those of everything that could be read, in the order of the files. What could be a consequence
// of another problem is not reported.
ApplyPlan plan_apply(const ApplyInput& input, const ApplyOptions& options);

}  // namespace mdevadm
