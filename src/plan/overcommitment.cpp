#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/overcommitment.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/conflicts.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr std::size_t named_definitions = 4;

}  // namespace

std::optional<std::uint64_t> most_instances(const Snapshot& seen, const Parent& parent, const Type& type) {
  // What virtual functions and GPU instances offer changes when they are created.
  const Capabilities& can = parent.capabilities;
  const auto is_here = [&](const Device& device) { return device.parent == parent.name; };
  if (can.functions || can.types_vanish || can.any_type || !type.available ||
      std::any_of(seen.removing.begin(), seen.removing.end(), is_here)) {
    return std::nullopt;
  }
  std::uint64_t active = 0;
  for (const Device& device : seen.devices) {
    if (is_here(device) && device.type != type.id) {
      return std::nullopt;  // it may take instances of this type
    }
    active += is_here(device) ? device.units.value_or(1) : 0;
  }
  return *type.available + active;
}

std::uint64_t instances_of(const Definition& definition) {
  return definition.aggregate.value_or(1);
}

std::string describe_overcommitment(const Parent& parent, const Type& type, std::uint64_t most,
                                    const std::vector<const Definition*>& others) {
  std::vector<std::string> names;
  for (const Definition* other : others) {
    if (names.size() == named_definitions) {
      names.push_back(fmt::format("and {} more", others.size() - named_definitions));
      break;
    }
    names.push_back(fmt::format("'{}'", printable(name_of_definition(*other))));
  }
  return fmt::format(
      "{} can have at most {} {} of {}, and other definitions with autostart need {}: {}, so not "
      "all of them can be started at boot",
      parent.name.str(), most, most == 1 ? "instance" : "instances", type.id.str(), most == 1 ? "it" : "them",
      join(names, ", "));
}

std::optional<std::string> overcommitment(const Snapshot& seen, const Definitions& defined,
                                          const Definition& wanted) {
  const Parent* parent = seen.find_parent(wanted.parent.str());
  const Type* type = parent != nullptr ? resolve_type(*parent, wanted.type.str()) : nullptr;
  const auto most = type != nullptr && wanted.start == StartMode::automatic
                        ? most_instances(seen, *parent, *type)
                        : std::nullopt;
  if (!most) {
    return std::nullopt;
  }
  std::vector<const Definition*> others;
  std::uint64_t needed = instances_of(wanted);
  for (const Definition& other : defined.all) {
    if (other.parent == wanted.parent && other.uuid != wanted.uuid && other.start == StartMode::automatic &&
        resolve_type(*parent, other.type.str()) == type) {
      others.push_back(&other);
      needed += instances_of(other);
    }
  }
  return needed > *most && !others.empty()
             ? std::optional(describe_overcommitment(*parent, *type, *most, others))
             : std::nullopt;
}

std::optional<std::string> mig_exclusion(const Snapshot& seen, const Definition& wanted) {
  const Parent* parent = seen.find_parent(wanted.parent.str());
  const Type* type = parent != nullptr ? resolve_type(*parent, wanted.type.str()) : nullptr;
  const auto excluded =
      type != nullptr ? excluded_by_mig(seen, *parent, type->name.value_or("")) : std::nullopt;
  return excluded ? std::optional(fmt::format("type {} cannot be created on {} now: {}", type->id.str(),
                                              parent->name.str(), excluded->what))
                  : std::nullopt;
}

}  // namespace mdevadm
