// Why a GPU or another parent offers no types, from facts of the snapshot. Pure functions.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

enum class Severity { error, warning, info };

// What an observation means: a problem, or why a device is not a parent.
struct Finding {
  std::string what;                   // "nvidia is bound to 0000:01:00.0 (10de:1e89) but offers no types"
  std::vector<std::string> advice{};  // each names a command, best first

  std::string id{};  // stable: "css-driver"
  Severity severity = Severity::error;

  std::string str() const;  // in one line: the finding and the first advice
};

// Returns why the parent or GPU of this name (in the kernel's spelling) offers no types: a GPU is bound to
// another driver or to none, or the driver offers none. nullopt: it offers types, it is neither a parent nor
// among Snapshot::gpus, it has a notice, which explains it, or its types are only listed while they can be
// created. Needs the types of the parent.
std::optional<Finding> why_no_types(const Snapshot& seen, std::string_view name);

// Returns the findings of all parents and GPUs. Needs the types of all parents.
std::vector<Finding> why_no_types(const Snapshot& seen);

// Returns whether a driver passes a PCI function to virtual machines; an administrator or libvirt bound it.
bool passes_through(std::string_view driver);

// Returns how a virtual function that takes no device can be made usable; empty if all are usable.
std::string advice_for_functions(const Parent& parent);

// Returns the notice of a parent; if it has none, why it offers no types; empty if it offers types.
std::string notice_of(const Snapshot& seen, const Parent& parent);

}  // namespace mdevadm
