// How definitions are made, changed and dropped. Pure: decided from what is defined and what was seen, or
// refused with Error.
#pragma once

#include <mdevadm/model/config.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/plan/plan.hpp>
#include <string>
#include <variant>
#include <vector>

namespace mdevadm {

// What must be seen of a parent to define something on it.
inline constexpr Facet facets_to_define = type_facets | Facet::parent_identity | Facet::devices;

// Whether a definition must fit the host as it is now, or is for later: a driver that is not loaded, an image
// being built.
enum class FitsHost { required, later };

struct DefineRequest {
  Definition wanted;
  std::optional<std::string> text;  // the file as a person wrote it
  FitsHost fits = FitsHost::required;
  std::optional<Group> joins{};  // becomes its last member
};

// Pins what the guest sees, where the parent is there: needs what plan/abi.hpp does of it, and
// Facet::aggregation. Throws Error: conflict (defined already under this parent, or the name is taken),
// not_found (parent or type), failed.
Job plan_define(const Snapshot& seen, const Definitions& defined, const DefineRequest& request);

// Which of a definition's attributes: all of a name, or the one at a place (counted from 1).
using AttributeSelector = std::variant<AttributeName, std::size_t>;

// What to change; what is absent stays. Deletions come before additions.
struct ModifyRequest {
  std::optional<StartMode> start;
  std::optional<TypeName> type;
  std::optional<std::optional<Label>> name;               // nothing inside: no name any more
  std::optional<std::optional<std::uint64_t>> aggregate;  // nothing inside: none any more
  std::optional<std::optional<std::string>> create_args;  // nothing inside: none any more
  std::optional<std::optional<FunctionName>> function;    // nothing inside: none any more
  std::vector<AttributeSelector> delete_attributes;
  std::vector<Attribute> add_attributes;
  FitsHost fits = FitsHost::required;
  bool accept_abi = false;  // pin what the guest would see now
};

// A definition that is so already is a job without steps. Throws Error: conflict (the name is taken),
// not_found (type, or an attribute to be deleted), failed.
Job plan_modify(const Snapshot& seen, const Definitions& defined, const Definition& current,
                const ModifyRequest& request);

// mdevctl's definition becomes one of ours; `moved`: and is mdevctl's no more. Throws Error: conflict (there
// is one of ours), failed (it asks for what no host could have).
Job plan_import(const KeptConfig& kept, const Definitions& defined, bool moved);

// One of ours is given to mdevctl as well, as far as that has words for it. What it has of that device is
// replaced if `over`, else Error{conflict}.
Job plan_export(const Definition& definition, const KeptConfigs& theirs, bool over);

// A member of a group goes out of it as well with `from_group`; else Error{conflict}.
Job plan_undefine(const Definition& definition, const Groups& groups = {}, bool from_group = false);

}  // namespace mdevadm
