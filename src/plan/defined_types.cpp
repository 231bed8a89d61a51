#include <mdevadm/plan/defined_types.hpp>

#include <fmt/format.h>

#include <mdevadm/model/vgpu_name.hpp>
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

// Returns the type of a parent that has the same size and series as one of another model of GPU, or nullptr.
const Type* equal_type(const Parent& parent, const std::string& name) {
  const auto wanted = parse_vgpu_name(name);
  for (const Type* type : wanted ? parent.all_types() : std::vector<const Type*>{}) {
    const auto one = parse_vgpu_name(type->name.value_or(""));
    if (one && one->gib == wanted->gib && one->series == wanted->series && one->slices == wanted->slices &&
        one->attributes == wanted->attributes) {
      return type;
    }
  }
  return nullptr;
}

// Returns the parents that have the PCI ID recorded for the parent of a definition: a new card can change the
// addresses of others.
std::vector<const Parent*> where_it_is(const Snapshot& seen, const Definition& definition) {
  const std::string* id = definition.abi ? find_pin(*definition.abi, "pci_id") : nullptr;
  const std::string* subsystem = definition.abi ? find_pin(*definition.abi, "pci_subsystem") : nullptr;
  std::vector<const Parent*> parents;
  for (const Parent& parent : seen.parents) {
    if (id != nullptr && parent.pci_id == *id &&
        (subsystem == nullptr || parent.pci_subsystem == *subsystem)) {
      parents.push_back(&parent);
    }
  }
  return parents;
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
  const std::string model = other_model(parent, definition);
  if (renumbered != nullptr) {
    advice.insert(advice.begin(), advice_to_renumber(definition, *renumbered));
  } else if (std::string equal = advice_for_model(parent, definition); !equal.empty()) {
    advice.insert(advice.begin(), std::move(equal));
  }
  return Finding{fmt::format("{} has no type '{}'{}", parent.name.str(), printable(definition.type.str()),
                             model.empty() ? model : ": " + model),
                 advice, "type-missing"};
}

std::string advice_for_model(const Parent& parent, const Definition& definition) {
  const Type* equal = other_model(parent, definition).empty()
                          ? nullptr
                          : equal_type(parent, vendor_name(nullptr, definition));
  return equal == nullptr ? std::string{}
                          : fmt::format("take its type of the same size: mdevadm modify {} -t {}",
                                        shell_word(identity_of(definition).word()), shell_word(*equal->name));
}

bool NewPlaces::has_room(const Parent& parent, const Definition& definition) {
  const Type* type = resolve_type(parent, definition.type.str());
  const std::uint64_t units = definition.aggregate.value_or(1);
  // What a GPU offers whose virtual functions are off is known from NVIDIA's table only.
  if (type == nullptr || parent.types.empty()) {
    const std::uint64_t devices = rooms_.on(parent).devices() + given_[&parent];
    return parent.types.empty() && (type == nullptr || !type->maximum || devices < *type->maximum);
  }
  return rooms_.on(parent).fits(*type, units);
}

const Parent* NewPlaces::find(const std::vector<const Parent*>& among, const Definition& definition) {
  const Parent* best = nullptr;
  const auto devices_on = [&](const Parent& parent) { return rooms_.on(parent).devices() + given_[&parent]; };
  for (const Parent* parent : among) {
    if (has_room(*parent, definition) && (best == nullptr || devices_on(*parent) < devices_on(*best))) {
      best = parent;
    }
  }
  if (best == nullptr) {
    return nullptr;
  }
  if (best->types.empty()) {
    ++given_[best];
  } else {
    rooms_.on(*best).take(*resolve_type(*best, definition.type.str()), definition.aggregate.value_or(1));
  }
  return best;
}

Finding missing_parent(const Snapshot& seen, const Definition& definition, const Groups& groups,
                       NewPlaces& places) {
  const std::string name = name_of_definition(definition);
  const std::vector<const Parent*> same = where_it_is(seen, definition);
  std::vector<std::string> names;
  for (const Parent* parent : same) {
    names.push_back(parent->name.str());
  }
  Finding finding{
      fmt::format("parent '{}' of definition '{}' does not exist", definition.parent.str(), printable(name)),
      {"list parents: mdevadm types",
       "remove the definition: " + command_to_undefine(name, definition, groups)},
      "parent-missing"};
  if (same.empty()) {
    return finding;
  }
  const Parent* place = places.find(same, definition);
  finding.what += fmt::format(
      "; {} {} the recorded PCI ID {}{}", join(names, ", "), names.size() == 1 ? "has" : "have",
      *find_pin(*definition.abi, "pci_id"),
      place == nullptr ? ", but no available instances for the device beside the other definitions" : "");
  finding.advice.insert(
      finding.advice.begin(),
      place != nullptr
          ? fmt::format("if the device has moved, move the definition: mdevadm modify {} --new-parent {}",
                        shell_word(identity_of(definition).word()), place->name.str())
          : fmt::format("list the devices and definitions of a parent: mdevadm list --all -p {}",
                        names.front()));
  return finding;
}

Definition with_kernel_type(const Snapshot& seen, Definition definition) {
  const Parent* parent = seen.find_parent(definition.parent.str());
  const Type* type = parent != nullptr ? resolve_type(*parent, definition.type.str()) : nullptr;
  if (type != nullptr) {
    definition.type = type->id;
  }
  return definition;
}

}  // namespace mdevadm
