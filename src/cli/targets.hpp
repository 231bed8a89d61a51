// The devices that the arguments of a command refer to.
#pragma once

#include <map>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <optional>
#include <string>
#include <vector>

#include "context.hpp"

namespace mdevadm::cli {

// A device, or the reason why an argument refers to none or cannot be used.
struct Target {
  Identity about;
  std::optional<Found> found{};
  std::optional<Error> refused{};
  bool by_pattern = false;  // the argument was a shell pattern

  // Returns "cannot VERB 'word'".
  std::string doing(const std::string& verb) const;
};

// Returns the error for an argument that names no device: if it is the name of a group, one that says so,
// with the command that does the same to the group. `verb` completes "cannot VERB 'word'".
Error naming_group(const Context& context, const Error& error, const std::string& word,
                   const std::string& verb);

// Returns whether the device or the definition, of which either may be nullptr, is one that an argument
// means: a name means the definition under one parent, a UUID those under all parents.
bool includes(const Found& found, const Device* device, const Definition* definition);

// Where to look for the devices. `seen` and `defined` must outlive the targets.
struct TargetSearch {
  const Context& context;
  const Snapshot& seen;
  const Definitions& defined;
  std::optional<ParentName> parent{};  // look only under this parent
  std::string verb{};                  // completes "cannot VERB 'word'"

  // Resolves arguments: UUIDs, UUID prefixes, names and shell patterns that match names. Arguments that mean
  // the same device and definitions yield one target.
  std::vector<Target> of(const std::vector<std::string>& words) const;
  // Returns a target for each definition, in order.
  std::vector<Target> all_definitions() const;
};

// Waits until the devices are released, in parallel and without locks. A device that is not released in time
// is refused. `how`: as in plan_stop(), without the identity.
void wait_for_release(Context& context, std::vector<Target>& targets, const StopRequest& how);

// Returns why devices were refused, and refuses them for these reasons when they have been found again.
std::map<Uuid, Error> refusals_of(const std::vector<Target>& targets);
void refuse(std::vector<Target>& targets, const std::map<Uuid, Error>& reasons);

// Returns the moment at which a waiting time that begins now ends; nullopt if it is 0.
std::optional<std::chrono::steady_clock::time_point> deadline_after(std::chrono::milliseconds patience);

// Returns the UUIDs of the targets that were found.
std::vector<Uuid> uuids_of(const std::vector<Target>& targets);

}  // namespace mdevadm::cli
