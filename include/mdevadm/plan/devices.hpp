// Planning of stops, and checks shared by planning functions. Pure functions; throw Error if not possible.
#pragma once

#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>
#include <vector>

namespace mdevadm {

// Returns whether a runtime record of the device exists but the device does not (stale record).
bool is_lost(const Snapshot& seen, const Uuid& uuid);

// Returns the error for a parent that does not exist, with the closest name as a hint.
Error unknown_parent(const Snapshot& seen, const std::string& name, const std::string& doing);

// Returns the listed type found by resolve_type(), or the given name as a type if the parent's list of types
// has an unsupported format. Throws Error{not_found} if the parent does not exist (with the closest name as a
// hint) or does not offer the type; Error{no_capacity} if it might offer the type with fewer devices.
Type require_type(const Snapshot& seen, const ParentName& parent, const TypeName& type,
                  const std::string& doing);

// The same for the type of a definition: if it is missing, the recorded name of the type can show the cause.
Type require_type(const Snapshot& seen, const Definition& wanted, const std::string& doing);

// Returns the hints for a parent without available instances. They name its devices whose removal is pending.
std::vector<std::string> hints_without_capacity(const Snapshot& seen, const ParentName& parent);

// Returns the error for a type with fewer than `units` available instances.
Error capacity_error(const Snapshot& seen, const Parent& parent, const Type& type, std::uint64_t units,
                     const std::string& doing);

// Returns the error for a creation that the driver refused although the plan expected an instance, from an
// observation after it; nullopt if the names of types do not show the cause (why_unavailable()).
std::optional<Error> why_refused(const Snapshot& now, const Creation& what);

// Throws Error{failed} if the definition requires a feature that the parent's kernel interface, or the type,
// does not have. `without_vf`: the hint that removes a virtual function.
void require_capabilities(const Parent& parent, const Type& type, const Definition& wanted,
                          const std::string& doing, const std::string& without_vf);

struct StopRequest {
  Identity about;
  std::chrono::milliseconds wait_for_holders{0};  // how long to wait for the release of a device in use
  bool force = false;                             // then remove it even if it is still in use
  // The command in errors: those of which the stop may be a part have no --force.
  enum class Part { stop, restart, detach, apply } part_of = Part::stop;
  // Until when a removal that the driver refuses is requested again.
  std::optional<std::chrono::steady_clock::time_point> deadline{};
  std::string waiting_command{};  // that waits for the driver; empty: the one of the device itself
};

// Returns whether the removal of a device in use can be requested, which the kernel completes when it is
// released. NVIDIA's driver refuses to clear the type of a virtual function in use instead.
bool can_force_removal(const Device& device);

// Returns the hint for a device in use. `has_waited`: the command has waited for its release.
std::string advice_for_use(StopRequest::Part part_of, bool has_waited, bool can_force = true);

// Time limit for the removal of an unused device, and for watching a forced removal.
inline constexpr std::chrono::seconds removal_patience{10};

// Returns "its removal is pending until pid 812 (qemu-system-x86) closes the device".
std::string describe_removal(const Device& device);

// Plans a stop. Needs Facet::holders and Facet::busy of the devices, Facet::online, Facet::claims, and
// Facet::types of their parents. All devices that go offline do so before the first one is removed, in
// reverse order. An inactive device, or one whose removal is pending, yields a job without removal; the
// caller distinguishes inactive from unknown. `together`: the UUIDs stopped in the same operation. Throws
// Error: in_use, naming the processes or the claimant; conflict (the device is unmanaged, or other devices
// would go offline with it).
Job plan_stop(const Snapshot& seen, const StopRequest& request, const ParentName& lane,
              const std::vector<Uuid>& together = {});

// Plans to wait until the device is released, or until its pending removal completes. The job has a separate
// lane, so that several devices are waited for in parallel. It fails on timeout. Throws Error{in_use} if the
// device is claimed: the stop would be refused.
Job plan_release(const Snapshot& seen, const Device& device, const StopRequest& request);

}  // namespace mdevadm
