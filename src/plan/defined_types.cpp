#include <mdevadm/plan/defined_types.hpp>

#include <fmt/format.h>

#include <mdevadm/plan/abi.hpp>
#include <mdevadm/plan/conflicts.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

// The vendor's name of the type: a driver that lists only types that can be created may not report it.
std::string vendor_name(const Type* type, const Definition& definition) {
  const std::string* pin = definition.abi ? find_pin(*definition.abi, "name") : nullptr;
  return type != nullptr && type->name ? *type->name : pin != nullptr ? *pin : definition.type.str();
}

std::optional<Finding> changed_abi(const Parent& parent, const Type& type, const Definition& definition) {
  std::vector<std::string> changed;
  for (AbiDifference& one : compare_abi(definition.abi.value_or(Abi{}), pins_of(parent, type))) {
    if (one.changes_guest) {
      changed.push_back(std::move(one.text));
    }
  }
  if (changed.empty()) {
    return std::nullopt;
  }
  const std::string accept = fmt::format("accept the new ABI: mdevadm modify {} --accept-abi",
                                         shell_word(identity_of(definition).word()));
  const Type* renumbered = renumbered_type(parent, definition);
  return Finding{
      "the guest ABI differs from the definition, so the device cannot be started: " + join(changed, "; "),
      renumbered != nullptr ? std::vector{advice_to_renumber(definition, *renumbered), accept}
                            : std::vector{accept},
      "abi-differs", severity_if(definition.start == StartMode::automatic)};
}

// Returns the parents that have the PCI ID recorded for the parent of a definition: a new card can change the
// addresses of others.
std::vector<ParentName> where_it_is(const Snapshot& seen, const Definition& definition) {
  const std::string* id = definition.abi ? find_pin(*definition.abi, "pci_id") : nullptr;
  const std::string* subsystem = definition.abi ? find_pin(*definition.abi, "pci_subsystem") : nullptr;
  std::vector<ParentName> names;
  for (const Parent& parent : seen.parents) {
    if (id != nullptr && parent.pci_id == *id &&
        (subsystem == nullptr || parent.pci_subsystem == *subsystem)) {
      names.push_back(parent.name);
    }
  }
  return names;
}

}  // namespace

std::optional<Finding> doubt_of_type(const Snapshot& seen, const Parent& parent, const Definition& definition,
                                     bool knows_types) {
  if (parent.capabilities.any_type) {
    return std::nullopt;
  }
  const Type* type = resolve_type(parent, definition.type.str());
  if (auto excluded = excluded_by_mig(seen, parent, vendor_name(type, definition))) {
    return Finding{fmt::format("type '{}' cannot be created on {}: {}", printable(definition.type.str()),
                               parent.name.str(), excluded->what),
                   std::move(excluded->advice), "mig-mode",
                   severity_if(definition.start == StartMode::automatic)};
  }
  if (type != nullptr) {
    auto changed = changed_abi(parent, *type, definition);
    auto missing = changed ? std::nullopt : missing_instance(seen, parent, *type);
    if (missing) {
      missing->what = fmt::format("type '{}' cannot be created on {} now: {}",
                                  printable(definition.type.str()), parent.name.str(), missing->what);
      missing->id = "mig-instance";
      missing->severity = Severity::warning;
      return missing;
    }
    return changed;
  }
  const Type* renumbered = renumbered_type(parent, definition);
  if (!knows_types && renumbered == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> advice{"list the types of the parent: mdevadm types " + parent.name.str()};
  if (renumbered != nullptr) {
    advice.insert(advice.begin(), advice_to_renumber(definition, *renumbered));
  }
  return Finding{fmt::format("{} has no type '{}'", parent.name.str(), printable(definition.type.str())),
                 advice, "type-missing"};
}

Finding missing_parent(const Snapshot& seen, const Definition& definition, const Groups& groups) {
  const std::string name = name_of_definition(definition);
  std::vector<std::string> parents;
  for (const ParentName& parent : where_it_is(seen, definition)) {
    parents.push_back(parent.str());
  }
  Finding finding{
      fmt::format("parent '{}' of definition '{}' does not exist", definition.parent.str(), printable(name)),
      {"list parents: mdevadm types",
       "remove the definition: " + command_to_undefine(name, definition, groups)},
      "parent-missing"};
  if (!parents.empty()) {
    finding.what += fmt::format("; {} {} the recorded PCI ID {}", join(parents, ", "),
                                parents.size() == 1 ? "has" : "have", *find_pin(*definition.abi, "pci_id"));
    finding.advice.insert(
        finding.advice.begin(),
        fmt::format("if the device has moved, move the definition: mdevadm modify {} --new-parent {}",
                    shell_word(identity_of(definition).word()), parents.front()));
  }
  return finding;
}

}  // namespace mdevadm
