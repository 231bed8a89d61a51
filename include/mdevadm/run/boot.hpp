// Bringing up what is to come up by itself: each unit on its own, as soon as what it needs has come.
#pragma once

#include <chrono>
#include <mdevadm/plan/boot.hpp>
#include <mdevadm/run/executor.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// What became of one device; of a group that could not even be planned, of the group.
struct BootItem {
  std::string subject;  // the device's UUID, the group's name
  Job job{};            // without steps and lane for a group
  JobResult result{};
  std::uint64_t tries = 1;
  std::chrono::milliseconds waited{};  // from the first try to the one that counts
};

// Told what happens while it happens; calls never overlap.
class BootWatcher {
 public:
  virtual ~BootWatcher() = default;
  // It cannot be started yet, and will be tried again. Once a subject.
  virtual void waiting(const Refusal& refusal, std::chrono::milliseconds patience) = 0;
  // Somebody else is at work on a parent.
  virtual void waiting_for(const std::string& holder) = 0;
  virtual void ended(const BootItem& item) = 0;
};

struct BootOptions {
  bool accept_abi = false;
  // How long what a start needs may take to come: parents, and types of a parent that has none yet. A type
  // that is missing beside others is given no more than `settling`; what the kernel asks to try again
  // (EAGAIN) is given that in any case.
  std::chrono::milliseconds patience{0};
};

inline constexpr std::chrono::seconds settling{3};

// Brings up all units side by side, each under the locks of its parents: what fails in one does not keep
// others. What became of each definition is kept in the store. Ends early when interrupted. One item a device
// that was wanted, and one a group that could not be started, in the order of the units. Does not throw.
std::vector<BootItem> bring_up(const std::vector<BootUnit>& units, const Definitions& defined,
                               const BootOptions& options, const Effects& effects, BootWatcher& watcher);

}  // namespace mdevadm
