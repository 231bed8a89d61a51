// Crypto queues of IBM Z: the adapters, domains and control domains of a vfio-ap device. A queue is one
// domain of one adapter; a device has the queues of all its adapters with all its domains.
#pragma once

#include <array>
#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mdevadm {

struct Attribute;

// Numbers of adapters or domains: 0 to 255.
inline constexpr unsigned ap_numbers = 256;
using ApSet = std::bitset<ap_numbers>;

// What a set of numbers is for; determines notation and file names.
enum class ApKind { adapter, domain, control_domain };
inline constexpr std::array ap_kinds{ApKind::adapter, ApKind::domain, ApKind::control_domain};

// Returns "adapter", "domain" or "control_domain", as in the names of sysfs files; and the word for messages,
// "control domain".
std::string_view ap_name(ApKind kind);
std::string_view ap_word(ApKind kind);

struct Apqn {
  unsigned adapter;
  unsigned domain;
  auto operator<=>(const Apqn&) const = default;
  std::string str() const;  // "05.0014"
};

struct ApMatrix {
  ApSet adapters{}, domains{}, control_domains{};
  bool operator==(const ApMatrix&) const = default;

  ApSet& of(ApKind kind);
  const ApSet& of(ApKind kind) const;
  bool empty() const { return adapters.none() && domains.none() && control_domains.none(); }
  std::vector<Apqn> queues() const;  // sorted
};

// Returns the numbers of a set, sorted.
std::vector<unsigned> numbers_of(const ApSet& set);
// Returns the queues of a matrix that another one has too, sorted.
std::vector<Apqn> common_queues(const ApMatrix& a, const ApMatrix& b);

// Returns a list of numbers with ranges, as read_ap_list() accepts it: "0x05-0x06,0x0a", domains with four
// digits.
std::string format_ap_list(const ApSet& set, ApKind kind);
// Returns the change that removes the numbers, "-0x05-0x06,-0x0a", as chzdev, the masks and read_ap_list()
// accept it.
std::string format_ap_removal(const ApSet& set, ApKind kind);
// Returns the smallest matrix with these queues.
ApMatrix spanned_by(const std::vector<Apqn>& queues);
// Returns "05.0014, 05.0015" with at most `most` queues, and the number of others.
std::string format_queues(const std::vector<Apqn>& queues, std::size_t most);

// A change of a set of numbers: it is replaced, or numbers are added and removed.
struct ApChange {
  bool replaces = true;
  ApSet added{}, removed{};
  ApSet decimal{};  // those of `added` that a user has typed in decimal digits, one by one
  ApSet applied_to(const ApSet& set) const { return replaces ? added : (set | added) & ~removed; }
};

// The result of parsing a list of a user: the change, or the reason why it is invalid.
struct ApReading {
  ApChange change{};
  std::string problem{};  // empty: valid
};

// Reads "0x05,10,0x1a-0x1f", or a change "+0x05,-10". Numbers are decimal, or hexadecimal with 0x; an adapter
// may be written card05, a domain .0014 as lszcrypt prints them. A leading zero is refused: lszcrypt prints
// hexadecimal numbers with it, the kernel reads such numbers as octal. An empty list is an empty set.
ApReading read_ap_list(std::string_view text, ApKind kind);

// Reads queues as lszcrypt prints them, "05.0014,05.0015", into adapters and domains. Refuses a list that is
// not all domains of all its adapters.
struct ApQueuesReading {
  ApMatrix matrix{};
  std::string problem{};
};
ApQueuesReading read_ap_queues(std::string_view text);

// Returns why the kernel would misunderstand or refuse a value of assign_adapter and the like; empty if it is
// valid or the attribute is another one.
std::string ap_value_problem(const Attribute& attribute);
// Returns the problem of a value that the kernel certainly refuses; empty for values that it accepts,
// possibly with another meaning than the user's.
std::string ap_refusal(const Attribute& attribute);
// Returns the kind of the numbers that an attribute assigns; nullopt: it is another attribute.
std::optional<ApKind> assigned_kind(const Attribute& attribute);
// Returns the numbers that the user probably means by a value of assign_adapter and the like that the kernel
// refuses: those of a list, that of a queue, or its digits as hexadecimal ones. `zeros`: how numbers with a
// leading zero are read. Empty: unknown.
enum class LeadingZeros { hexadecimal, octal };
ApSet meant_by(const Attribute& attribute, LeadingZeros zeros);

// A number with a leading zero: the kernel reads it as octal, lszcrypt prints hexadecimal numbers with it.
struct OctalNumber {
  ApKind kind;
  unsigned read;                    // by the kernel
  std::optional<unsigned> printed;  // the hexadecimal number; nullopt: out of range
};
// Returns the number that an attribute assigns if both readings differ.
std::optional<OctalNumber> octal_number_in(const Attribute& attribute);
// Returns the attribute, with a number that begins with zero as the hexadecimal one of the same value.
Attribute without_leading_zeros(Attribute attribute);

// Reads a mask of the kernel, "0x" and up to 64 hexadecimal digits of which the leftmost bit is number 0.
std::optional<ApSet> read_ap_mask(std::string_view text);
std::string format_ap_mask(const ApSet& set);  // "0x" and 64 digits

// Reads the file ap_config: three masks, separated by commas. For what a written value assigns, which can
// have another number of masks, see assigned_by().
std::optional<ApMatrix> read_ap_config(std::string_view text);
std::string format_ap_config(const ApMatrix& matrix);
// Reads the files `matrix` (all queues as "05.0014", or only adapters "05.", or only domains ".0014", one in
// each line) and `control_domains`. Returns nullopt also if a number lacks digits, or if the matrix is not
// all domains of all its adapters: the kernel has cut the list.
std::optional<ApMatrix> read_ap_files(std::string_view matrix, std::string_view control_domains);

// Returns the attributes that assign a matrix, in the order adapters, domains, control domains.
std::vector<Attribute> assignments_of(const ApMatrix& matrix);
// Returns what is assigned to a device when these attributes are written in order; `matrix`: before, nothing
// to a new device. Other attributes and invalid values assign nothing.
ApMatrix assigned_by(const std::vector<Attribute>& attributes, ApMatrix matrix = {});
// Returns the attributes that assign the same, in the order of assignments_of(), and then all others.
std::vector<Attribute> in_table_form(std::vector<Attribute> attributes);
// Changes of the numbers that attributes assign.
struct ApChanges {
  std::optional<ApChange> adapters{}, domains{}, control_domains{};
  bool any() const { return adapters || domains || control_domains; }
  const std::optional<ApChange>& of(ApKind kind) const;
  ApMatrix applied_to(ApMatrix matrix) const;
};
// Returns the attributes with the changes. Attributes of numbers that stay are not changed, unless there is
// an ap_config or an unassign_domain among them. Values that the kernel refuses are removed only if all
// numbers of their kind are replaced.
std::vector<Attribute> changed_attributes(std::vector<Attribute> attributes, const ApChanges& changes);

// Returns whether devices of a type have queues.
bool has_queues(std::string_view type);

// Returns whether an attribute assigns or unassigns queues or control domains: ap_config, assign_domain,
// unassign_domain and the like.
bool is_ap_attribute(const Attribute& attribute);

// A card of the host; absent values cannot be read.
struct ApCard {
  unsigned adapter = 0;
  std::optional<std::string> type{};  // "CEX8C"
  std::optional<bool> online{};       // for the host's own programs
  std::optional<bool> configured{};
  std::optional<bool> checkstopped{};  // the hardware has failed
  bool operator==(const ApCard&) const = default;
};

// The AP bus of a host, and what decides whether a device can have a queue.
struct ApHost {
  // Numbers that exist: ap_adapter_mask, ap_usage_domain_mask, ap_control_domain_mask.
  std::optional<ApSet> adapters{}, domains{}, control_domains{};
  ApSet host_adapters{}, host_domains{};  // apmask, aqmask: queues with both numbers are the host's
  std::optional<unsigned> max_adapter{}, max_domain{};
  std::vector<std::pair<Apqn, std::string>> overrides{};  // driver_override of queues, Linux 6.19 and later
  std::optional<std::vector<Apqn>> bound{};               // to vfio_ap, sorted; Facet::ap_bindings
  std::vector<std::pair<Apqn, std::string>> other_drivers{};  // of queues, sorted; Facet::ap_bindings
  // Cards that a guest cannot use, although their queues are bound and can be assigned; Facet::ap_bindings.
  ApSet deconfigured{};         // config is 0
  ApSet checkstopped{};         // chkstop is 1: the hardware has failed
  std::vector<ApCard> cards{};  // sorted; Facet::ap_bindings
  bool operator==(const ApHost&) const = default;

  // Returns the numbers that exist, if they are known.
  const std::optional<ApSet>& existing(ApKind kind) const;
  // Returns whether a queue is reserved for the host.
  bool reserves(const Apqn& queue) const;
  // Returns what reserves such queues: "apmask, aqmask" or "driver_override".
  std::string reservation_of(const std::vector<Apqn>& queues) const;
  // Returns whether the queue exists, as far as that is known.
  bool has(const Apqn& queue) const;
  // Returns the driver that a queue is bound to, if it is known.
  std::optional<std::string> driver_of(const Apqn& queue) const;
  // Returns the queues of a matrix that are reserved for the host, sorted.
  std::vector<Apqn> reserved_queues(const ApMatrix& matrix) const;
};

// Returns how queues are released from the host, one command each: a mask frees all queues of an adapter, or
// those of a domain on all adapters. Names the other queues that this takes from the host; the command that
// takes fewer ones comes first.
std::vector<std::string> advice_to_release(const ApHost& host, const std::vector<Apqn>& queues);
// The same for all queues of adapters, or of domains, if neither masks nor overrides are known.
std::vector<std::string> advice_to_release(const ApMatrix& matrix);
// Returns the command that binds queues to the driver that masks or overrides select. Needs
// Facet::ap_bindings.
std::string advice_to_bind(const ApHost& host, const std::vector<Apqn>& queues);

// Why Linux before 6.0 refuses queues that are not reserved for the host, but not bound to vfio_ap either.
struct UnboundReason {
  std::string text;                // which queues do not exist, and which ones only lack the driver
  std::vector<std::string> hints;  // commands that help
};
// Needs Facet::ap_bindings.
UnboundReason why_unbound(const ApHost& host, const std::vector<Apqn>& unbound);

}  // namespace mdevadm
