// How devices are stopped, and what a start checks first. Pure: decided from what was seen, or refused with
// Error.
#pragma once

#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>
#include <vector>

namespace mdevadm {

// Whether it is remembered as a device and is none.
bool is_lost(const Snapshot& seen, const Uuid& uuid);

// What to say of a parent that is not there, naming one that is spelled alike.
Error unknown_parent(const Snapshot& seen, const std::string& name, const std::string& doing);

// The type that resolve_type() finds; of a parent whose types cannot be understood, any. Throws
// Error{not_found} if the parent is not there (naming one that is spelled alike) or does not offer the type;
// Error{no_capacity} if it may do so when there are fewer devices on it.
Type require_type(const Snapshot& seen, const ParentName& parent, const TypeName& type,
                  const std::string& doing);

// What to say of a type of which so many units are not left.
Error no_room(const Parent& parent, const Type& type, std::uint64_t units, const std::string& doing);

// Throws Error{failed} if the definition asks for what the parent's kernel interface, or the type, cannot do.
void require_capabilities(const Parent& parent, const Type& type, const Definition& wanted,
                          const std::string& doing);

struct StopRequest {
  Uuid uuid;
  std::chrono::milliseconds wait_for_holders{0};  // how long those who hold it may take to let go
  bool force = false;                             // then remove it all the same
};

// How long a removal may take in which the kernel does not wait for anybody, and how long a forced one is
// watched.
inline constexpr std::chrono::seconds removal_patience{10};

// Needs Facet::holders and Facet::busy of the devices, Facet::online, and Facet::types of their parents. All
// that go offline do so before the first is removed, the last one first. A device that is not active is a job
// without steps (which of the two an unknown one is, the caller knows). Throws Error: in_use, naming who
// holds it; conflict (it is not ours, or others stop with it).
Job plan_stop(const Snapshot& seen, const StopRequest& request, const ParentName& lane,
              const std::vector<Uuid>& together = {});

// Waits until nobody uses it, or fails. In a lane of its own: several are waited for at once.
Job plan_release(const Device& device, const StopRequest& request);

// "pid 812 (qemu-system-x86), probably pid 99 (hold)"; "a process that cannot be found" for none.
std::string describe(const std::vector<Holder>& holders);

}  // namespace mdevadm
