#include <mdevadm/plan/offers.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/function_capacity.hpp>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>
#include <set>

#include "gvt_offers.hpp"

namespace mdevadm {

namespace {

constexpr std::size_t most_offered = 8;

bool can_be_created(const Type& type) {
  return type.available != 0U;
}

// Returns the first device on the parent, or nullptr.
const Device* device_of(const Snapshot& seen, const Parent& parent) {
  const auto found = std::find_if(seen.devices.begin(), seen.devices.end(),
                                  [&](const Device& device) { return device.parent == parent.name; });
  return found == seen.devices.end() ? nullptr : &*found;
}

// Returns the name of a type that shows the MIG mode of the GPU: one that can be created, or one in use.
std::optional<VgpuName> name_in_mode(const Snapshot& seen, const Parent& parent) {
  for (const Type& type : parent.types) {
    const auto name = can_be_created(type) ? parse_vgpu_name(type.name.value_or("")) : std::nullopt;
    if (name) {
      return name;
    }
  }
  for (const Device& device : seen.devices) {
    const Type* type =
        device.parent == parent.name && device.type ? parent.find_type(device.type->str()) : nullptr;
    const auto name = type != nullptr ? parse_vgpu_name(type->name.value_or("")) : std::nullopt;
    if (name) {
      return name;
    }
  }
  return std::nullopt;
}

bool has_instances(const Snapshot& seen, const Parent& parent) {
  const auto shown = name_in_mode(seen, parent);
  return shown && shown->needs_gpu_instance();
}

// Returns the names of the parent's types, as parsed.
std::vector<VgpuName> names_of(const Parent& parent) {
  std::vector<VgpuName> names;
  for (const Type& type : parent.types) {
    if (const auto name = parse_vgpu_name(type.name.value_or(""))) {
      names.push_back(*name);
    }
  }
  return names;
}

bool sizes_differ(const std::vector<VgpuName>& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](const VgpuName& name) { return name.gib != names.front().gib; });
}

// Returns "4G, " if all listed types have this framebuffer size, otherwise an empty string.
std::string size_in_use(const std::vector<VgpuName>& names) {
  if (names.empty() || sizes_differ(names)) {
    return {};
  }
  return names.front().gib == 0 ? "512M, " : fmt::format("{}G, ", names.front().gib);
}

// What a requested type that is not listed can be.
enum class Unlisted {
  unknown,     // no type of this GPU
  other_size,  // its framebuffer size differs from that of the active devices
  full,        // it would be listed if the GPU had room
  perhaps,     // a type number, from which the size cannot be derived
};

bool has_size(const std::vector<VgpuName>& names, const VgpuName& wanted) {
  return std::any_of(names.begin(), names.end(),
                     [&](const VgpuName& name) { return name.gib == wanted.gib; });
}

// Returns the type that NVIDIA's table has for the word.
const Type* known_type(const Parent& parent, const std::string& word) {
  const Type* type = resolve_type(parent, word);
  return type != nullptr && parent.find_type(type->id.str()) == nullptr ? type : nullptr;
}

// Returns whether the GPU has, or accepts, vGPUs of several sizes. Needs a device on the GPU.
bool is_mixed(const Parent& parent) {
  return shows_mixed_sizes(parent.functions) || sizes_differ(names_of(parent));
}

Unlisted kind_of_known(const Parent& parent, const Type& type) {
  const auto wanted = parse_vgpu_name(type.name.value_or(""));
  const bool is_time_sliced = wanted && wanted->slices == 0;
  return is_time_sliced && (is_mixed(parent) || !has_size(names_of(parent), *wanted)) ? Unlisted::other_size
                                                                                      : Unlisted::full;
}

Unlisted kind_of(const Parent& parent, const std::string& word) {
  if (const Type* known = known_type(parent, word)) {
    return kind_of_known(parent, *known);
  }
  const bool is_number = parse_decimal(word.substr(word.rfind('-') + 1)).has_value();
  const auto wanted = parse_vgpu_name(to_upper(word));
  if (!wanted || !parent.unlisted.empty()) {
    return is_number && parent.unlisted.empty() ? Unlisted::perhaps : Unlisted::unknown;
  }
  const std::vector<VgpuName> names = names_of(parent);
  const auto is_same_gpu = [&](const VgpuName& name) { return to_upper(name.gpu) == wanted->gpu; };
  const bool same_gpu = names.empty() || std::any_of(names.begin(), names.end(), is_same_gpu);
  return same_gpu && !has_size(names, *wanted) ? Unlisted::other_size : Unlisted::unknown;
}

constexpr const char* no_instance = "no GPU instance (MIG) has available instances of it";
constexpr const char* no_placement = "no position in the framebuffer is free for it (mixed sizes)";

// Returns the vendor's name of the type of a device.
std::optional<VgpuName> name_in_use(const Parent& parent, const Device& device) {
  const Type* type = device.type ? resolve_type(parent, device.type->str()) : nullptr;
  return parse_vgpu_name(type != nullptr ? type->name.value_or("") : "");
}

// The GPU instances that can have vGPUs of a type, as far as the devices and the types that can be created
// show them.
struct Instances {
  bool exist = false;
  bool unknown = false;      // of a device, the name of its type is unknown
  std::set<unsigned> sizes;  // framebuffer sizes in use
};

Instances instances_for(const Snapshot& seen, const Parent& parent, const VgpuName& wanted) {
  Instances found;
  const auto is_same = [&](const VgpuName& name) {
    return name.slices == wanted.slices && name.attributes == wanted.attributes;
  };
  for (const Type& type : parent.types) {
    const auto name = can_be_created(type) ? parse_vgpu_name(type.name.value_or("")) : std::nullopt;
    found.exist |= name && is_same(*name);
  }
  for (const Device& device : seen.devices) {
    const auto name = device.parent == parent.name ? name_in_use(parent, device) : std::nullopt;
    found.unknown |= device.parent == parent.name && !name;
    if (name && is_same(*name)) {
      found.exist = true;
      found.sizes.insert(name->gib);
    }
  }
  return found;
}

// Returns why no GPU instance takes a type, which needs one: none of its size exists, or those that do have
// no available instances.
Finding lack_of_instance(const Snapshot& seen, const Parent& parent, const VgpuName& wanted) {
  const Instances found = instances_for(seen, parent, wanted);
  const std::string instance =
      fmt::format("no GPU instance (MIG) of {} slice{}{}", wanted.slices, wanted.slices == 1 ? "" : "s",
                  wanted.attributes.empty() ? "" : fmt::format(" with +{}", to_lower(wanted.attributes)));
  std::vector<std::string> sizes;
  for (const unsigned gib : found.sizes) {
    sizes.push_back(fmt::format("{}G", gib));
  }
  const std::string& gpu = parent.name.str();
  return {!found.exist    ? (found.unknown ? no_instance : instance + " exists")
          : sizes.empty() ? instance + " has available instances of it"
                          : fmt::format("{} has available instances of it (in use by vGPUs of {})", instance,
                                        join(sizes, ", ")),
          {fmt::format("list the GPU instances, and the profiles of further ones: nvidia-smi mig -i {0} -lgi "
                       "&& nvidia-smi mig -i {0} -lgip",
                       gpu),
           fmt::format("create a GPU instance with the ID of a profile: nvidia-smi mig -i {} -cgi ID", gpu)}};
}

// Returns how MIG mode is disabled. The driver refuses that while virtual functions are enabled, and GPU
// instances exist. sriov-manage removes these as it binds the GPU again, so that nothing may be left to
// destroy.
std::string advice_to_leave_mig(const Parent& parent) {
  const std::string& gpu = parent.name.str();
  const bool has_functions = !parent.functions.empty();
  return fmt::format(
      "while the GPU has no vGPU, disable MIG mode: {1}nvidia-smi mig -i {0} -dci; nvidia-smi mig -i {0} "
      "-dgi; "
      "nvidia-smi -i {0} -mig 0{2}",
      gpu, has_functions ? fmt::format("/usr/lib/nvidia/sriov-manage -d {} && ", gpu) : std::string{},
      has_functions ? fmt::format(" && /usr/lib/nvidia/sriov-manage -e {}", gpu) : std::string{});
}

// Returns why a type cannot be created beside a device.
std::string beside(const Snapshot& seen, const Parent& parent, const Device& user, Unlisted kind) {
  const std::string reason =
      has_instances(seen, parent) ? no_instance
      : is_mixed(parent)
          ? no_placement
          : fmt::format("another framebuffer size is in use on this GPU ({}by device '{}' ({}))",
                        size_in_use(names_of(parent)), user.uuid.str(),
                        user.type ? user.type->str() : "type unknown");
  return (kind == Unlisted::perhaps ? "it is unknown, or " : "") + reason;
}

// Returns the framebuffer of the vGPUs of a GPU in GiB, as far as their names are known.
unsigned framebuffer_in_use(const Snapshot& seen, const Parent& parent) {
  unsigned used = 0;
  for (const Device& device : seen.devices) {
    const auto name = device.parent == parent.name ? name_in_use(parent, device) : std::nullopt;
    used += name ? name->gib : 0;
  }
  return used;
}

// Returns that the vGPUs leave too little framebuffer for another one of the type, whether sizes are mixed or
// not; nullopt if they leave enough, or if the size of the GPU is unknown.
std::optional<Finding> lack_of_framebuffer(const Snapshot& seen, const Parent& parent,
                                           const VgpuName& wanted) {
  const unsigned memory = memory_of_gpu(wanted.gpu);
  const unsigned used = framebuffer_in_use(seen, parent);
  if (wanted.needs_gpu_instance() || memory == 0 || used + wanted.gib <= memory) {
    return std::nullopt;
  }
  return Finding{fmt::format("vGPUs use {}G of the {}G of framebuffer", used, memory),
                 {fmt::format("stop a device that is not needed; list them: mdevadm list --parent {}",
                              parent.name.str())}};
}

// Returns that each enabled virtual function has a vGPU, fewer than the GPU supports; nullopt if not, or if
// the framebuffer would be full, too.
std::optional<Finding> lack_of_functions(const Snapshot& seen, const Parent& parent, const Type& type) {
  const auto wanted = parse_vgpu_name(type.name.value_or(""));
  const bool all_used = std::all_of(parent.functions.begin(), parent.functions.end(),
                                    [](const Function& one) { return one.type.has_value(); });
  if (!has_few_functions(parent) || !all_used || !wanted) {
    return std::nullopt;
  }
  return lack_of_framebuffer(seen, parent, *wanted)
             ? std::nullopt
             : std::optional(Finding{parent.notice, {advice_to_enable_all(parent)}});
}

// Returns that a GPU has its maximum of vGPUs of the size of a type, or nullopt.
std::optional<Finding> used_up(const Snapshot& seen, const Parent& parent, const Type& type,
                               const VgpuName& wanted) {
  const auto is_same_size = [&](const Device& device) {
    const auto name = device.parent == parent.name ? name_in_use(parent, device) : std::nullopt;
    return name && !name->needs_gpu_instance() && name->gib == wanted.gib;
  };
  const auto count =
      static_cast<std::uint64_t>(std::count_if(seen.devices.begin(), seen.devices.end(), is_same_size));
  return type.maximum && count >= *type.maximum
             ? std::optional(Finding{fmt::format("the GPU has {} vGPU{} of this size, its maximum", count,
                                                 count == 1 ? "" : "s")})
             : std::nullopt;
}

// Returns what a name has in common with its spellings in other tools: of "1149 (NVIDIA L40S-4Q)", "GRID
// L40S-4Q" and "NVIDIA_L40S-4Q" it is "L40S-4Q".
std::string core_of_name(const std::string& word) {
  std::string name = to_upper(word);
  const std::size_t open = name.find('(');
  if (open != std::string::npos && name.ends_with(')')) {
    name = name.substr(open + 1, name.size() - open - 2);
  }
  std::replace(name.begin(), name.end(), '_', ' ');
  for (const std::string_view vendor : {"GRID ", "NVIDIA "}) {
    name = name.starts_with(vendor) ? name.substr(vendor.size()) : name;
  }
  return name;
}

std::string digits_of(std::string_view text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits),
               [](char c) { return c >= '0' && c <= '9'; });
  return digits;
}

// Suggests only names with the same digits: another number, or a name of another size, is not a slip.
std::string suggestion(const Parent& parent, const std::string& word) {
  if (parse_decimal(word)) {
    return {};
  }
  const auto wanted = parse_vgpu_name(to_upper(word));
  const std::string core = core_of_name(word);
  std::vector<std::string> known;
  for (const Type* one : parent.all_types()) {
    const Type& type = *one;
    if (type.name && core_of_name(*type.name) == core) {
      return fmt::format("did you mean '{}'?", *type.name);
    }
    // Names without the prefix of the driver are those of i915 in Linux 6.1 and later.
    if (type.id.str().ends_with("-" + word)) {
      return fmt::format("did you mean '{}'?", type.id.str());
    }
    const auto name = parse_vgpu_name(type.name.value_or(""));
    if (wanted && name && (wanted->gib != name->gib || wanted->slices != name->slices)) {
      continue;
    }
    known.push_back(type.id.str());
    if (type.name) {
      known.push_back(*type.name);
      known.push_back(type.name->substr(type.name->find(' ') + 1));
    }
  }
  std::erase_if(known, [&](const std::string& one) { return digits_of(one) != digits_of(word); });
  return did_you_mean(word, known);
}

}  // namespace

std::string with_name(const Type& type) {
  return type.name && *type.name != type.id.str() ? fmt::format("{} ({})", type.id.str(), *type.name)
                                                  : type.id.str();
}

std::string offered_types(const Parent& parent) {
  std::vector<std::string> texts;
  std::size_t more = 0;
  for (const Type& type : parent.types) {
    if (!parent.capabilities.types_vanish || can_be_created(type)) {
      texts.size() < most_offered ? texts.push_back(with_name(type)) : static_cast<void>(++more);
    }
  }
  const std::string list = texts.empty() ? "none" : join(texts, ", ");
  const std::string now =
      parent.capabilities.types_vanish ? "types that can be created now" : "available types";
  return more == 0 ? fmt::format("{}: {}", now, list)
                   : fmt::format("{}: {} and {} more: mdevadm types {}", now, list, more, parent.name.str());
}

std::optional<Finding> excluded_by_mig(const Snapshot& seen, const Parent& parent, const std::string& type) {
  const Type* known = resolve_type(parent, type);
  const Type* listed = known != nullptr ? parent.find_type(known->id.str()) : nullptr;
  if (listed != nullptr && !listed->hidden && can_be_created(*listed)) {
    return std::nullopt;  // the mode of the others says nothing about a type that the driver offers
  }
  const auto excluded = std::find_if(parent.excluded.begin(), parent.excluded.end(),
                                     [&](const NamedType& one) { return same_type(one.id.str(), type); });
  const auto wanted = parse_vgpu_name(to_upper(excluded != parent.excluded.end() ? excluded->name : type));
  const auto shown = name_in_mode(seen, parent);
  if (!wanted || !shown || wanted->needs_gpu_instance() == shown->needs_gpu_instance() ||
      !(to_upper(shown->gpu).ends_with(wanted->gpu) || wanted->gpu.ends_with(to_upper(shown->gpu)))) {
    return std::nullopt;
  }
  const std::string& gpu = parent.name.str();
  if (wanted->slices != 0) {
    return Finding{
        "it is a type of GPU instances, and MIG mode is off",
        {fmt::format("while the GPU has no vGPU, enable MIG mode and list the profiles of GPU instances: "
                     "nvidia-smi -i {0} -mig 1 && nvidia-smi mig -i {0} -lgip",
                     gpu),
         fmt::format("then create GPU instances with the IDs of profiles: nvidia-smi mig -i {} -cgi ID,...",
                     gpu)}};
  }
  return Finding{"it is not a type of GPU instances, and MIG mode is on", {advice_to_leave_mig(parent)}};
}

std::optional<Finding> why_unavailable(const Snapshot& seen, const Parent& parent, const Type& type) {
  const auto wanted = parse_vgpu_name(type.name.value_or(""));
  const Device* user = device_of(seen, parent);
  if (!wanted || (can_be_created(type) && !type.hidden)) {
    return std::nullopt;
  }
  if (auto excluded = excluded_by_mig(seen, parent, *type.name)) {
    return excluded;
  }
  if (auto lack = lack_of_functions(seen, parent, type)) {
    return lack;
  }
  if (wanted->needs_gpu_instance()) {
    // Without such a type, and without a device, nothing shows whether MIG mode is on.
    const bool is_shown = user != nullptr || name_in_mode(seen, parent);
    return is_shown ? std::optional(lack_of_instance(seen, parent, *wanted)) : std::nullopt;
  }
  const std::string& gpu = parent.name.str();
  auto lack = lack_of_framebuffer(seen, parent, *wanted);
  if (type.hidden || (user != nullptr && shows_mixed_sizes(parent.functions))) {
    if (lack) {
      return lack;
    }
    return Finding{no_placement,
                   {fmt::format("vGPUs that are started in order of their sizes, the largest first, use the "
                                "framebuffer best; list them: mdevadm list --parent {}",
                                gpu)}};
  }
  if (auto full = used_up(seen, parent, type, *wanted)) {
    return full;
  }
  if (lack) {
    return lack;
  }
  std::string other_size = other_size_in_use(seen, parent, type);
  if (other_size.empty()) {
    return std::nullopt;
  }
  return Finding{std::move(other_size), parent.capabilities.functions ? std::vector{mixed_size_advice(gpu)}
                                                                      : std::vector<std::string>{}};
}

std::optional<Finding> missing_instance(const Snapshot& seen, const Parent& parent, const Type& type) {
  const auto wanted = parse_vgpu_name(type.name.value_or(""));
  const auto shown = name_in_mode(seen, parent);
  if (!wanted || !wanted->needs_gpu_instance() || can_be_created(type) || !shown ||
      !shown->needs_gpu_instance()) {
    return std::nullopt;
  }
  const Instances found = instances_for(seen, parent, *wanted);
  const bool is_other_size = !found.sizes.empty() && !found.sizes.contains(wanted->gib);
  return found.unknown || (found.exist && !is_other_size)
             ? std::nullopt
             : std::optional(lack_of_instance(seen, parent, *wanted));
}

bool may_become_available(const Snapshot& seen, const Parent& parent, const Type& type) {
  const Device* user = device_of(seen, parent);
  const auto wanted = parse_vgpu_name(type.name.value_or(""));
  if (user == nullptr || !wanted || !wanted->needs_gpu_instance()) {
    return user == nullptr;
  }
  const auto count = std::count_if(seen.devices.begin(), seen.devices.end(), [&](const Device& device) {
    const auto name = device.parent == parent.name ? name_in_use(parent, device) : std::nullopt;
    return name && name->slices == wanted->slices && name->gib == wanted->gib;
  });
  const bool is_used_up = type.maximum && static_cast<std::uint64_t>(count) >= *type.maximum;
  // MIG mode cannot be changed while the GPU has a device.
  return !is_used_up && !excluded_by_mig(seen, parent, *type.name);
}

bool has_only_other_sizes(const Snapshot& seen, const Parent& parent, const Type& type) {
  const auto wanted = parse_vgpu_name(type.name.value_or(""));
  const Device* user = parent.capabilities.functions ? nullptr : device_of(seen, parent);
  const auto used = user != nullptr ? name_in_use(parent, *user) : std::nullopt;
  return wanted && used && wanted->gib != used->gib;
}

std::string other_size_in_use(const Snapshot& seen, const Parent& parent, const Type& type) {
  const auto time_sliced = [](const Type* one) {
    const auto name = one != nullptr ? parse_vgpu_name(one->name.value_or("")) : std::nullopt;
    return name && name->slices == 0 ? name : std::nullopt;
  };
  const auto wanted = time_sliced(&type);
  const Device* user = device_of(seen, parent);
  const auto used =
      user != nullptr && user->type ? time_sliced(parent.find_type(user->type->str())) : std::nullopt;
  if (!wanted || !used || wanted->gib == used->gib) {
    return {};
  }
  std::vector<VgpuName> offered;
  for (const Type& one : parent.types) {
    const auto name = can_be_created(one) ? time_sliced(&one) : std::nullopt;
    if (name) {
      offered.push_back(*name);
    }
  }
  // A full GPU offers no size, one with mixed sizes offers several.
  const bool one_size =
      !offered.empty() && std::all_of(offered.begin(), offered.end(),
                                      [&](const VgpuName& name) { return name.gib == used->gib; });
  return one_size ? fmt::format("another framebuffer size is in use on this GPU ({}by device '{}' ({}))",
                                size_in_use({*used}), user->uuid.str(), user->type->str())
                  : std::string{};
}

std::string mixed_size_advice(const std::string& gpu) {
  return fmt::format(
      "several framebuffer sizes need mixed sizes, which are enabled while no vGPU exists: nvidia-smi vgpu "
      "-i {} -shm 1",
      gpu);
}

std::string advice_to_mix_at_boot(const std::string& gpu) {
  return fmt::format(
      "to mix sizes, let the settings of the GPU enable it at each boot (--run replaces their commands): "
      "mdevadm parent set {0} --run 'nvidia-smi vgpu -i {0} -shm 1'",
      gpu);
}

std::string unknown_mixing(const std::string& gpu, const std::string& what) {
  return fmt::format(
      "{} on {}: whether the GPU mixes framebuffer sizes is unknown while it has no vGPU; if it does not, "
      "only "
      "vGPUs of one size can be created; to mix sizes, before the first vGPU: nvidia-smi vgpu -i {} -shm 1",
      what, gpu, gpu);
}

Error not_offered(const Snapshot& seen, const Parent& parent, const TypeName& type,
                  const std::string& doing) {
  const std::string& gpu = parent.name.str();
  const std::string what = fmt::format("{}: {} has no type '{}'", doing, gpu, printable(type.str()));
  const Type* known = known_type(parent, type.str());
  const bool may_exist = known != nullptr || parent.unlisted.empty();
  if (parent.types.empty() && !parent.notice.empty() && may_exist) {
    std::vector<std::string> hints = advice_for_functions(parent);
    const bool is_off = parent.capabilities.functions && parent.functions.empty();
    if (is_off) {
      hints.insert(hints.begin(), notice_of(parent));
    }
    const std::string cause = is_off ? "virtual functions are not enabled" : parent.notice;
    if (known != nullptr) {
      return Error(ExitCode::no_capacity,
                   fmt::format("{}: no available instances of type {} on {}: {}", doing,
                               printable(type.str()), gpu, cause),
                   hints)
          .worth(Retry::later);
    }
    return {ExitCode::not_found, fmt::format("{} now: {}", what, cause), hints};
  }
  if (const auto finding = parent.types.empty() ? why_no_types(seen, gpu) : std::nullopt) {
    return {ExitCode::not_found, fmt::format("{}: {}", what, finding->what), finding->advice};
  }
  if (auto excluded = known == nullptr ? excluded_by_mig(seen, parent, type.str()) : std::nullopt) {
    return {ExitCode::no_capacity, fmt::format("{} now: {}", what, excluded->what), excluded->advice};
  }
  const Device* user = parent.capabilities.types_vanish ? device_of(seen, parent) : nullptr;
  const Unlisted kind = user != nullptr ? kind_of(parent, type.str()) : Unlisted::unknown;
  // An idle GPU that does not list a type of the table lacks the GPU instance for it.
  const auto name = parse_vgpu_name(known != nullptr ? known->name.value_or("") : "");
  const bool is_full = name && lack_of_framebuffer(seen, parent, *name);
  if (kind == Unlisted::full || (known != nullptr && (user == nullptr || is_full))) {
    return capacity_error(seen, parent, *known, 1, doing);
  }
  if (const auto finding = known == nullptr ? too_large_for_aperture(parent, type.str()) : std::nullopt) {
    return {ExitCode::not_found, fmt::format("{}: {}", what, finding->what),
            std::vector{finding->advice.front(), offered_types(parent)}};
  }
  std::vector<std::string> hints;
  if (std::string meant = known ? std::string() : suggestion(parent, type.str()); !meant.empty()) {
    hints.push_back(std::move(meant));
  }
  hints.push_back(offered_types(parent));
  if (kind != Unlisted::unknown) {
    if (!is_mixed(parent) && !has_instances(seen, parent)) {
      hints.push_back(mixed_size_advice(gpu));
    }
    const Error error(ExitCode::no_capacity, what + " now: " + beside(seen, parent, *user, kind), hints);
    return has_instances(seen, parent) ? error.worth(Retry::later) : error;
  }
  const bool is_late = parent.capabilities.types_vanish && user == nullptr && may_exist;
  return {ExitCode::not_found, what + (is_late ? " now" : ""), hints};
}

}  // namespace mdevadm
