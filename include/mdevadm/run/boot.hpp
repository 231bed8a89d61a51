// Autostart: starts each unit independently, as soon as the resources it needs exist.
#pragma once

#include <chrono>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/plan/boot.hpp>
#include <mdevadm/run/executor.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// Result of one device; for a group that could not be planned, of the group.
struct BootItem {
  Job job{};  // without steps if it could not be planned
  JobResult result{};
  std::uint64_t tries = 1;
  std::chrono::milliseconds waited{};  // from the first to the last attempt
};

// Observer interface; callbacks are serialized.
class BootWatcher {
 public:
  virtual ~BootWatcher() = default;
  // The subject cannot be started yet and is retried for at most `patience`. Called once per subject.
  virtual void waiting(const Refusal& refusal, std::chrono::milliseconds patience) = 0;
  // Another process holds the lock of a parent.
  virtual void waiting_for(const std::string& holder, std::chrono::milliseconds patience) = 0;
  virtual void ended(const BootItem& item) = 0;
  // A parent was prepared (no error), or could not be; its devices are started anyway.
  virtual void prepared(const ParentName& parent, const std::optional<Error>& error) = 0;
};

struct BootOptions {
  bool accept_abi = false;
  // How long to wait for missing resources: parents, types of a parent that has none yet, and queues of
  // vfio-ap that the masks of the AP bus reserve for the host; counted from
  // the attempt that first found them missing. A type that is missing while others exist is waited for at
  // most `settling`; an operation for which the kernel returns EAGAIN is retried for `settling` in any case.
  std::chrono::milliseconds patience{0};
  // Parents that are prepared before the first start of their devices.
  AllParentSettings parents{};
  bool is_autostart = true;  // whether the results are stored as those of the autostart
};

inline constexpr std::chrono::seconds settling{3};

// Starts all units, those with different parents in parallel, each under the locks of its parents, when these
// are prepared and their virtual functions are complete; a failure in one does not affect the others. What
// other processes have changed in definitions and groups before the parents were locked takes effect. Stores
// the autostart result of each definition (BootOptions::is_autostart). Ends early when interrupted. Returns
// one item per requested device, and one per group that could not be started, in the order of the units. Does
// not throw.
std::vector<BootItem> start_at_boot(const std::vector<BootUnit>& units, const BootOptions& options,
                                    const Effects& effects, BootWatcher& watcher);

}  // namespace mdevadm
