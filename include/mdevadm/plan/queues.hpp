// Which queues a vfio-ap device can have: the host, active devices and other definitions have some of them.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/util/error.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Facets that the functions below need.
constexpr Facet queue_facets = Facet::queues | Facet::ap_bus | Facet::ap_bindings;

// An attribute of a definition that assigns queues, with a value that the kernel certainly refuses.
struct RefusedValue {
  std::string text;                // the attribute and the problem
  std::vector<std::string> hints;  // each corrects all of them, if several: for one meaning each
  std::optional<ApKind> kind{};    // of the numbers that it should assign
};
std::vector<RefusedValue> refused_values(const Definition& definition);

// An attribute of a definition that the kernel accepts, possibly with another meaning than the user's.
struct OctalValue {
  std::string text;
  std::vector<std::string> hints;  // a command for each meaning
};
std::vector<OctalValue> octal_values(const Definition& definition);

// A definition without adapters or domains.
struct LackOfQueues {
  std::string text;
  std::string hint;
};
// Returns nullopt also if values are refused: these are the cause.
std::optional<LackOfQueues> lack_of_queues(const Definition& definition);

// Returns warnings about all of these.
std::vector<std::string> doubts_about_queues(const Definition& definition);
// Throws Error{failed} if the definition has a value that the kernel refuses and that the changes do not
// replace: the numbers that it should assign are unknown.
void require_replaced(const Definition& definition, const ApChanges& changes, const std::string& doing);
// Throws Error{failed} if the definition has one.
void require_valid_queues(const Definition& wanted, const std::string& doing);

// A device whose queues are unknown: the list of an active device is cut or unreadable, or its removal is
// pending.
struct HiddenOwner {
  Device device;
  std::string text;  // a sentence about the device
};
std::vector<HiddenOwner> hidden_owners(const Snapshot& seen, const Definitions* defined);

// Throws Error{conflict} if a queue of the definition is reserved for the host, or belongs to an active
// device or to one of `planned`, which are about to be started, or is not bound to vfio_ap and therefore
// refused; Error{failed} if the machine has no adapter or domain with such a number. Does nothing for devices
// without queues and if the bus was not read. `defined` supplies names; nullptr: none. Returns warnings about
// adapters and domains that do not exist, queues that are not bound to vfio_ap, and devices that may have the
// queues.
std::vector<std::string> require_free_queues(const Snapshot& seen, const Definitions* defined,
                                             const std::vector<Definition>& planned, const Definition& wanted,
                                             const std::string& doing);

// The same for the matrix that the device `uuid` is to have, without planned starts.
std::vector<std::string> require_free_queues(const Snapshot& seen, const Definitions* defined,
                                             const Uuid& uuid, const ApMatrix& matrix,
                                             const std::string& doing);

// Returns a sentence about queues that are reserved for the host.
std::string describe_reserved(const ApHost& host, const std::vector<Apqn>& queues);
// Returns the commands that release such queues, and one that removes those that the host does not have from
// the definition; nullptr: the device has none.
std::vector<std::string> advice_on_reserved(const Snapshot& seen, const Definition* definition,
                                            const std::vector<Apqn>& queues);

// What the kernel does if a queue that a device is to have is missing, or not bound to vfio_ap.
enum class UnboundQueues {
  unknown,   // no vfio-ap device is active, whose files show it
  refused,   // the driver refuses the assignment (before Linux 6.0)
  withheld,  // the device has the queue, but the guest lacks its adapter
};
UnboundQueues unbound_queues_are(const Snapshot& seen);

// Throws Error{conflict} if a queue of the matrix is missing or not bound to vfio_ap. Needs
// Facet::ap_bindings.
void require_bound_queues(const ApHost& host, const ApMatrix& matrix, const std::string& doing);

// Adapters, domains or control domains that this host does not have.
struct MissingNumbers {
  ApKind kind;
  ApSet numbers;
  std::string text;  // a sentence about them and the effect

  // Returns the option of modify for a definition with this matrix that removes them, or replaces all
  // numbers.
  std::string correction(const ApMatrix& matrix) const;
};
// Returns those that can appear later: not above the highest number of the machine.
std::vector<MissingNumbers> missing_numbers(const Snapshot& seen, const ApMatrix& matrix);
// Returns those above the highest number of the machine. Empty if that is unknown.
std::vector<MissingNumbers> impossible_numbers(const Snapshot& seen, const ApMatrix& matrix);

// Returns sentences about decimal numbers of options that this host does not have, if it has the ones with
// these digits as hexadecimal ones: 0x14 for 14. Only who types a number may have meant another one; a
// definition does not say how its numbers were typed, and a card can be removed for a while.
std::vector<std::string> doubts_about_decimals(const Snapshot& seen, const ApChanges& typed);

// Returns the queues that a change adds and that exist, but are not bound to vfio_ap: a guest that uses the
// device loses their adapters, or does not get them. Needs Facet::ap_bindings.
std::vector<Apqn> unbound_queues(const ApHost& host, const ApMatrix& before, const ApMatrix& after);
// Returns the queues of a matrix that exist and are not bound to vfio_ap, without those that must be released
// from the host first. Needs Facet::ap_bindings.
std::vector<Apqn> bindable_queues(const Snapshot& seen, const ApMatrix& matrix);
// Returns a sentence about such queues of a device, and about those that a change would add to a device in
// use.
std::string describe_withheld(const std::vector<Apqn>& unbound);
// The same for a device that is to be started: some kernels refuse the start.
std::string describe_unstartable(const Snapshot& seen, const std::vector<Apqn>& unbound);
std::string describe_unbound(const std::vector<Apqn>& unbound, const ApMatrix& before);
// Cards of a matrix that a guest cannot use, although the kernel assigns their queues.
struct UnusableCards {
  std::string text;                // "adapter 0x05 is deconfigured, so a guest cannot use it"
  std::vector<std::string> hints;  // commands that correct it; none for a card that has failed
};
std::vector<UnusableCards> unusable_cards(const Snapshot& seen, const ApMatrix& matrix);

// Returns the queues of a device that its guest has: those that exist, of adapters all of whose existing
// queues are bound to vfio_ap. Before Linux 6.0, a device has no other ones. Needs Facet::ap_bindings.
std::vector<Apqn> guest_queues(const ApHost& host, const ApMatrix& matrix);

// Returns a sentence about queues that another definition with autostart has too.
std::string shared_at_boot(const std::vector<Apqn>& common, const std::string& other);

// Two definitions with queues in common, both of which are started at boot: themselves or with their group.
struct QueuesAtBoot {
  const Definition* first;
  const Definition* second;
  std::vector<Apqn> queues;
};
// Returns all of them; they point into `defined`.
std::vector<QueuesAtBoot> queues_shared_at_boot(const Definitions& defined, const Groups& groups);
// Returns those that a change adds.
std::vector<QueuesAtBoot> more_shared_at_boot(std::vector<QueuesAtBoot> after,
                                              const std::vector<QueuesAtBoot>& before);
// Returns the error, with the commands that change the other definition or its group.
Error conflict_at_boot(const Groups& groups, const Definition& wanted, const Definition& other,
                       const std::vector<Apqn>& common, const std::string& doing);
// Throws it for a change of groups that adds some.
void require_own_queues_at_boot(const Definitions& defined, const Groups& before, const Groups& after,
                                const std::string& doing);

// Throws Error{conflict} if another definition has one of the queues and both are started at boot, themselves
// or with their group. Returns warnings about queues of definitions that cannot be active together, about
// those of the host, and about adapters and domains that do not exist.
std::vector<std::string> check_defined_queues(const Snapshot& seen, const Definitions& defined,
                                              const Groups& groups, const Definition& wanted,
                                              const std::string& doing);

}  // namespace mdevadm
