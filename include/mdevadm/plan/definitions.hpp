// Planning of define, modify, undefine, import and export. Pure functions; throw Error if not possible.
#pragma once

#include <mdevadm/model/ap.hpp>
#include <mdevadm/model/config.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/plan/queues.hpp>
#include <string>
#include <variant>
#include <vector>

namespace mdevadm {

// Facets of a parent that are required to define a device on it.
inline constexpr Facet facets_to_define =
    type_facets | Facet::parent_identity | Facet::devices | queue_facets;

// Whether a definition must be valid on the host as it is now, or is for later use: the driver is not loaded,
// or a system image is built.
enum class FitsHost { required, later };

struct DefineRequest {
  Definition wanted;
  std::optional<std::string> text;  // the file as written by the user
  FitsHost fits = FitsHost::required;
  std::optional<Group> joins{};  // the group whose last member it becomes
  std::string argument{};        // as in Identity
  bool can_force = true;         // the command has the option --force, which hints name
  std::string verb = "define";   // in messages
  bool unnamed = false;          // the UUID is random, so errors name the type and the parent
  Groups groups{};               // of which those with autostart start their members
};

// Plans a new definition. Records the guest ABI if the parent exists; this needs the facets of pins_of() and
// Facet::aggregation. Throws Error: conflict (the parent has a definition with this UUID, or the name is
// taken), not_found (parent or type), failed.
Job plan_define(const Snapshot& seen, const Definitions& defined, const DefineRequest& request);

// Plans several new definitions, all or none. Each takes the names, virtual functions and the place in the
// group into account that those before it take.
Plan plan_define_all(const Snapshot& seen, Definitions defined, std::vector<DefineRequest> requests);

// Selects attributes of a definition: all with a name, or the one at a position (counted from 1).
using AttributeSelector = std::variant<AttributeName, std::size_t>;

// Changes to a definition; absent values stay. Attributes are replaced, then deleted, then added.
struct ModifyRequest {
  std::optional<StartMode> start;
  std::optional<TypeName> type;
  std::optional<std::optional<Label>> name;               // inner nullopt: remove the name
  std::optional<std::optional<std::uint64_t>> aggregate;  // inner nullopt: remove the key
  std::optional<std::optional<std::string>> create_args;  // inner nullopt: remove the key
  std::optional<std::optional<FunctionName>> function;    // inner nullopt: remove the key
  std::optional<std::optional<NodePolicy>> node;          // inner nullopt: remove the table
  std::vector<Attribute> replace_attributes{};  // new values of attributes that the definition has once
  std::vector<AttributeSelector> delete_attributes;
  std::vector<Attribute> add_attributes;
  ApChanges queues{};  // after attributes were deleted and added
  FitsHost fits = FitsHost::required;
  bool accept_abi = false;  // record the present guest ABI
  // The changes are what the active device has (as_active()).
  bool from_device = false;
  std::optional<ParentName> parent{};  // the parent that the definition is moved to
  std::optional<Group> group{};        // of the definition; its member may name the parent
  std::string argument{};              // as in Identity
  Groups groups{};                     // as in DefineRequest
};

// Plans the change of a definition. Without any difference the job has no steps. Throws Error: conflict (the
// name is taken, or a definition that moves to another parent is active or defined there), not_found (the
// parent, the type, or an attribute to delete), abi_differs (the other parent's type), failed.
Job plan_modify(const Snapshot& seen, const Definitions& defined, const Definition& current,
                const ModifyRequest& request);

// Plans the change of a definition to `after`, which has the same UUID, as plan_modify() does. Checks against
// the host only what changes. A definition that moves to another parent gets a virtual function there.
Job plan_replace(const Snapshot& seen, const Definitions& defined, const Definition& current,
                 Definition after);

// Plans the import of a definition from mdevctl; with `moved` it is removed there. Throws Error: conflict
// (mdevadm has a definition of the device), failed (not valid on any host).
Job plan_import(const StoredConfig& stored, const Definitions& defined, bool moved);

// Plans the export of a definition to mdevctl, as far as mdevctl's format can represent it. An existing
// definition of the device there is replaced with `over`; otherwise throws Error{conflict}.
Job plan_export(const Definition& definition, const KeptConfigs& theirs, bool over,
                const std::string& argument = {});

// Plans the removal of a definition. If it is a member of a group, it is removed from the group too with
// `from_group`; otherwise throws Error{conflict}. `active`: the device with its UUID, if there is one; a note
// says that it remains.
Job plan_undefine(const Definition& definition, const Groups& groups = {}, bool from_group = false,
                  const std::string& argument = {}, const Device* active = nullptr);

}  // namespace mdevadm
