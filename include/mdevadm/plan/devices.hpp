// How one device is started and stopped. Pure: decided from what was seen, or refused with Error.
#pragma once

#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>
#include <vector>

namespace mdevadm {

// What to say of a parent that is not there, naming one that is spelled alike.
Error unknown_parent(const Snapshot& seen, const std::string& name, const std::string& doing);

// Throws Error{not_found} if the parent is not there (naming one that is spelled alike) or does not offer the
// type.
const Type& require_type(const Snapshot& seen, const ParentName& parent, const TypeName& type,
                         const std::string& doing);

// Throws Error{failed} if the definition asks for what the parent's kernel interface cannot do.
void require_capabilities(const Parent& parent, const Definition& wanted, const std::string& doing);

// Needs Facet::available and Facet::devices of what it names. Active already with the same parent and type is
// a job without steps. Throws Error: conflict, not_found, no_capacity, failed (the parent cannot do what the
// definition asks for).
// `goal`: what to call it instead of "start 'UUID'".
Job plan_start(const Snapshot& seen, const Definition& wanted, const std::string& goal = {});

struct StopRequest {
  Uuid uuid;
  std::chrono::milliseconds wait_for_holders{0};  // how long those who hold it may take to let go
  bool force = false;                             // then remove it all the same
};

// How long a removal may take in which the kernel does not wait for anybody, and how long a forced one is
// watched.
inline constexpr std::chrono::seconds removal_patience{10};
inline constexpr std::chrono::seconds creation_patience{5};

// Needs Facet::holders and Facet::busy of the device. A device that is not active is a job without steps
// (which of the two an unknown one is, the caller knows). Throws Error{in_use}, naming who holds it.
Job plan_stop(const Snapshot& seen, const StopRequest& request, const ParentName& lane);

// "pid 812 (qemu-system-x86), probably pid 99 (hold)"; "a process that cannot be found" for none.
std::string describe(const std::vector<Holder>& holders);

}  // namespace mdevadm
