// Resolution of names given by the user. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/drift.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/identity.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

struct Found {
  std::string word;  // as given by the user
  Uuid uuid;
  const Device* active = nullptr;              // nullptr: not active
  std::vector<const Definition*> definitions;  // under `parent` if given; may be empty
  const Device* removing = nullptr;            // not nullptr: its removal is pending
  const FileProblem* broken = nullptr;         // without definitions: its file, if that cannot be used
};

// Resolves a UUID, a definition's name, a unique UUID prefix of at least four digits, or the PCI address of
// a virtual function (VF) in any spelling to a device that is active, being removed or defined. A VF means
// the device on it, else the definition that reserves it. Throws Error: not_found, conflict (ambiguous
// prefix), usage (a malformed UUID, or a shell pattern).
Found resolve_device(std::string_view word, const Snapshot& seen, const Definitions& defined,
                     const std::optional<ParentName>& parent, const std::string& doing);

// The same for a word that could also name a group, but does not: errors mention groups.
Found resolve_no_group(std::string_view word, const Snapshot& seen, const Definitions& defined,
                       const std::string& doing);

// Returns the file of a definition that cannot be used, under `parent` if given; nullptr: none.
const FileProblem* broken_definition(const Definitions& defined, const Uuid& uuid,
                                     const std::optional<ParentName>& parent);

// Throws Error{failed}: the definition cannot be used, and why. `what`: what the file is, if not a
// definition.
[[noreturn]] void refuse_broken(const FileProblem& broken, const std::string& doing,
                                const char* what = "its definition");

// Returns whether the word is a shell pattern (*, ?, [...]) and not the name of a definition.
bool selects_many(const std::string& word, const Definitions& defined);

// Returns the names of the definitions, under `parent` if given, that a shell pattern matches, in natural
// order; another word is returned unchanged. Throws Error{not_found} if the pattern
// matches no name.
std::vector<std::string> expand_pattern(const std::string& word, const Definitions& defined,
                                        const std::optional<ParentName>& parent, const std::string& doing);

Identity identity_of(const Found& found);

// Returns why a word that resembles a UUID is none: "11 instead of 12 digits in the last group". Returns an
// empty string for a UUID, for a UUID prefix and for words that do not resemble one.
std::string why_no_uuid(std::string_view word);

// Returns the parent among `known` that the word means: its name, another spelling of it
// (model/addresses.hpp), the number of a subchannel without "0.0." as lscss --short prints it, or its name
// in other letter case if that is unique. If there is none, returns the word in the kernel's spelling.
std::string resolve_parent(std::string_view word, const std::vector<std::string>& known);

// Returns the only definition. Throws Error: not_found (none), failed (its file cannot be used), conflict
// (several parents define the device).
const Definition& require_definition(const Found& found, const std::string& doing);

// Returns whether a word is the vendor's name of a type, with or without the vendor ("GRID M60-4Q",
// "m60-4q").
bool is_name_of(const Type& type, std::string_view word);

// Resolves the name of a parent's type: its ID in the kernel; its number with or without a driver's name, as
// other interfaces use it ("17" and "nvidia-17"); or the vendor's name with or without the vendor, if it is
// known (Facet::type_name) and unique. Returns nullptr if there is none. A parent whose list of types has an
// unsupported format has no types; the driver decides at creation.
// A number may be written in hexadecimal, as nvidia-smi prints it (0x47b).
const Type* resolve_type(const Parent& parent, std::string_view word);

// Returns a hexadecimal number (0x47b) in decimal, every other word as it is.
std::string plain_type(std::string_view word);

// Returns whether a definition that names a type describes a device of the actual type. A vendor's name is
// taken for the actual type if the parent (nullptr: not observed) does not report the names of both.
bool means_type(const Parent* parent, const TypeName& named, const TypeName& actual);

// Returns the vendor's name in place of the ID of the definition's type, if that is a bare number, which
// another release of the driver may give to another type, and the name is that of the definition and of the
// parent. Otherwise the type as it is defined. Needs Facet::type_name.
TypeName portable_type(const Snapshot& seen, const Definition& definition);

// Like drift_of(), but other forms of the same type (a number, a vendor's name) are no difference.
std::vector<DriftedSetting> differences_of(const Snapshot& seen, const Device& device,
                                           const Definition& definition,
                                           const std::optional<NodePolicy>& node);

// Selects devices by type, in every form that resolve_type() accepts on the device's parent.
class TypeFilter {
 public:
  // Needs Facet::type_name. `seen` must outlive the filter.
  TypeFilter(const Snapshot& seen, std::string word) : seen_(seen), word_(std::move(word)) {}

  // `type`: of a device on this parent or of a definition under it, which may contain the vendor's name.
  bool matches(const ParentName& parent, const TypeName& type) const;

  // Throws Error{not_found} if no parent has such a type, nor any device or definition.
  void require_known(const Definitions& defined, const std::string& doing) const;

 private:
  const Snapshot& seen_;
  std::string word_;
};

// Throws Error{not_found} unless the parent is on the host or has definitions.
void require_known_parent(const Snapshot& seen, const Definitions& defined, const std::string& name,
                          const std::string& doing);

}  // namespace mdevadm
