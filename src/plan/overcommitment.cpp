#include <mdevadm/plan/overcommitment.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/function_capacity.hpp>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/plan/conflicts.hpp>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr std::size_t named_definitions = 4;
constexpr const char* not_at_boot = "so not all of them can be started at boot";

std::uint64_t instances_of(const Definition& definition) {
  return definition.aggregate.value_or(1);
}

std::string names_of_definitions(const std::vector<const Definition*>& definitions) {
  std::vector<std::string> names;
  for (const Definition* definition : definitions) {
    if (names.size() == named_definitions) {
      names.push_back(fmt::format("and {} more", definitions.size() - named_definitions));
      break;
    }
    names.push_back(fmt::format("'{}'", printable(name_of_definition(*definition))));
  }
  return join(names, ", ");
}

std::string framebuffer_text(unsigned gib) {
  return gib == 0 ? std::string("512M") : fmt::format("{}G", gib);
}

// Returns how many devices the present virtual functions can have; nullopt: the parent uses none, or none is
// enabled.
std::optional<std::uint64_t> assignable_functions(const Parent& parent, const Definitions& defined) {
  const auto is_assignable = [&](const Function& one) {
    return !defined.withholds(parent.name, one.address);
  };
  return parent.functions.empty() ? std::nullopt
                                  : std::optional<std::uint64_t>(std::count_if(
                                        parent.functions.begin(), parent.functions.end(), is_assignable));
}

}  // namespace

BootNeeds::BootNeeds(const Snapshot& seen, const Definitions& defined, const Parent& parent)
    : seen_(seen), defined_(defined), parent_(parent) {
  for (const Type* type : parent.all_types()) {
    const auto name = parse_vgpu_name(type->name.value_or(""));
    memory_ = name && memory_ == 0 ? memory_of_gpu(name->gpu) : memory_;
  }
}

std::optional<std::uint64_t> BootNeeds::most_instances(const Type& type) const {
  const Capabilities& can = parent_.capabilities;
  const auto is_here = [&](const Device& device) { return device.parent == parent_.name; };
  if (can.functions || can.types_vanish || can.any_type || !type.available ||
      std::any_of(seen_.removing.begin(), seen_.removing.end(), is_here)) {
    return std::nullopt;
  }
  std::uint64_t active = 0;
  for (const Device& device : seen_.devices) {
    if (is_here(device) && device.type != type.id) {
      return std::nullopt;  // it may take instances of this type
    }
    active += is_here(device) ? device.units.value_or(1) : 0;
  }
  return *type.available + active;
}

std::optional<std::uint64_t> BootNeeds::most_vgpus(const Type& type) const {
  const auto functions = assignable_functions(parent_, defined_);
  return !type.maximum ? most_instances(type)
         : functions   ? std::optional(std::min(*type.maximum, *functions))
                       : type.maximum;
}

// A GPU without virtual functions never mixes sizes. Of others, the kernel does not report the setting; vGPUs
// that are active show it.
BootNeeds::Mixing BootNeeds::mixing() const {
  if (!parent_.capabilities.functions) {
    return Mixing::no;
  }
  if (std::find(defined_.mixed.begin(), defined_.mixed.end(), parent_.name) != defined_.mixed.end() ||
      shows_mixed_sizes(parent_.functions)) {
    return Mixing::yes;
  }
  const auto has = [&](auto&& what) {
    return std::any_of(parent_.functions.begin(), parent_.functions.end(), what);
  };
  const bool shows_equal = has([](const Function& one) { return one.type.has_value(); }) &&
                           has([](const Function& one) { return !one.creatable.empty(); });
  return shows_equal ? Mixing::no : Mixing::unknown;
}

std::optional<Finding> BootNeeds::lack_of_size(const Kind& kind) const {
  std::vector<const Definition*> others;
  std::vector<std::string> sizes;
  for (const auto& [other, need] : needs_) {
    if (other.first && *other.first != *kind.first) {
      others.insert(others.end(), need.definitions.begin(), need.definitions.end());
      sizes.push_back(framebuffer_text(*other.first));
    }
  }
  const Mixing mixes = others.empty() ? Mixing::yes : mixing();
  if (mixes == Mixing::yes) {
    return std::nullopt;
  }
  const std::string& gpu = parent_.name.str();
  return Finding{
      fmt::format(
          "{} has vGPUs of one framebuffer size at a time{}, and other definitions with autostart need "
          "{}, not {}: {}, {}",
          gpu, mixes == Mixing::unknown ? " unless it is set to mix sizes" : "", join(sizes, " and "),
          framebuffer_text(*kind.first), names_of_definitions(others), not_at_boot),
      parent_.capabilities.functions ? std::vector{advice_to_mix_at_boot(gpu)} : std::vector<std::string>{},
      {},
      severity_if(mixes == Mixing::no)};
}

// Of several sizes, no more fit than the framebuffer has room for. Which parts of it a driver uses is not
// considered, so fewer may fit.
std::optional<Finding> BootNeeds::lack_of_memory(const Kind& kind, std::uint64_t instances) const {
  const auto halves_of = [](const Kind& one) { return std::max(1U, *one.first * 2); };
  std::uint64_t halves = 0;
  std::vector<const Definition*> others;
  for (const auto& [other, need] : needs_) {
    if (other.first) {
      halves += need.instances * halves_of(other);
      others.insert(others.end(), need.definitions.begin(), need.definitions.end());
    }
  }
  const std::uint64_t of_others = halves - instances * halves_of(kind);
  return memory_ == 0 || others.empty() || halves <= std::uint64_t{memory_} * 2
             ? std::nullopt
             : std::optional(Finding{fmt::format(
                   "{} has {}G of framebuffer, and other definitions with autostart need {}G of it: {}, {}",
                   parent_.name.str(), memory_, (of_others + 1) / 2, names_of_definitions(others),
                   not_at_boot)});
}

std::optional<Finding> BootNeeds::add(const Definition& definition) {
  const Type* type = resolve_type(parent_, definition.type.str());
  const auto name = parse_vgpu_name(type != nullptr ? type->name.value_or("") : "");
  if (type == nullptr || (name && name->needs_gpu_instance())) {
    return std::nullopt;
  }
  const Kind kind{name ? std::optional(name->gib) : std::nullopt, name ? nullptr : type};
  const auto [found, is_new] = needs_.try_emplace(kind);
  Need& need = found->second;
  if (is_new) {
    need.most = name ? most_vgpus(*type) : most_instances(*type);
  }
  need.instances += instances_of(definition);
  std::optional<Finding> lack = name ? lack_of_size(kind) : std::nullopt;
  if (!lack && need.most && need.instances > *need.most && !need.definitions.empty()) {
    lack = Finding{fmt::format(
        "{} can have at most {} {} of {}, and other definitions with autostart need {}: "
        "{}, {}",
        parent_.name.str(), *need.most, *need.most == 1 ? "instance" : "instances", type->id.str(),
        *need.most == 1 ? "it" : "them", names_of_definitions(need.definitions), not_at_boot)};
  }
  if (!lack && name && needs_.size() > 1) {
    lack = lack_of_memory(kind, instances_of(definition));
  }
  need.definitions.push_back(&definition);
  return lack;
}

std::optional<std::string> overcommitment(const Snapshot& seen, const Definitions& defined,
                                          const Definition& wanted) {
  const Parent* parent = seen.find_parent(wanted.parent.str());
  if (parent == nullptr || wanted.start != StartMode::automatic) {
    return std::nullopt;
  }
  BootNeeds needs(seen, defined, *parent);
  for (const Definition& other : defined.all) {
    if (other.parent == wanted.parent && other.uuid != wanted.uuid && other.start == StartMode::automatic) {
      needs.add(other);
    }
  }
  const auto lack = needs.add(wanted);
  return lack ? std::optional(lack->what) : std::nullopt;
}

std::optional<std::string> mig_exclusion(const Snapshot& seen, const Definition& wanted) {
  const Parent* parent = seen.find_parent(wanted.parent.str());
  const Type* type = parent != nullptr ? resolve_type(*parent, wanted.type.str()) : nullptr;
  const std::string word = type != nullptr ? type->name.value_or("") : wanted.type.str();
  const auto excluded = parent != nullptr ? excluded_by_mig(seen, *parent, word) : std::nullopt;
  return excluded ? std::optional(fmt::format("type {} cannot be created on {} now: {}",
                                              printable(type != nullptr ? type->id.str() : word),
                                              parent->name.str(), excluded->what))
                  : std::nullopt;
}

}  // namespace mdevadm
