#include <mdevadm/plan/placements.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr std::string_view placement_file = "placement_id";
// Files of a vGPU in the directory nvidia, below the mediated device or the virtual function.
constexpr std::array<std::string_view, 3> files_of_vgpu{placement_file, "gpu_instance_id", "vgpu_params"};

bool sets_placement(const Attribute& attribute) {
  return attribute.name.str().ends_with(placement_file);
}

std::optional<unsigned> placement_of(const Definition& definition) {
  const auto found = std::find_if(definition.attributes.begin(), definition.attributes.end(), sets_placement);
  const auto number = found != definition.attributes.end() ? parse_decimal(trim(found->value)) : std::nullopt;
  return number ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
}

// The memory of a GPU and the part of it that vGPUs of a type take, in GiB, as placements are counted.
struct Part {
  unsigned size;
  unsigned memory;
};

// Returns nullopt for types of GPU instances and for those without a known size.
std::optional<Part> part_of(const Parent& gpu, const TypeName& wanted) {
  const Type* type = resolve_type(gpu, wanted.str());
  const auto name = parse_vgpu_name(type != nullptr && type->name ? *type->name : wanted.str());
  if (!name || name->needs_gpu_instance()) {
    return std::nullopt;
  }
  const unsigned memory = memory_of_gpu(name->gpu);
  // GPUs that divide their memory evenly give small types more than their size: of 96 GB, 32 get 3 each.
  const unsigned most = memory > 0 ? most_by_size(*name, memory) : 0;
  const unsigned share = most > 0 ? memory / most : 0;
  return Part{std::max({name->gib, share, 1U}), memory};
}

}  // namespace

void require_nvidia_directory(const Snapshot& seen, const Definition& wanted, const std::string& doing) {
  const Parent* parent = seen.find_parent(wanted.parent.str());
  if (parent == nullptr || parent->driver != nvidia_driver) {
    return;
  }
  for (const Attribute& attribute : wanted.attributes) {
    const std::string& name = attribute.name.str();
    if (std::find(files_of_vgpu.begin(), files_of_vgpu.end(), name) != files_of_vgpu.end()) {
      throw Error(
          ExitCode::usage,
          fmt::format("{}: NVIDIA's driver has no attribute '{}' (expected nvidia/{})", doing, name, name),
          fmt::format("set it with --attr {}",
                      shell_word(fmt::format("nvidia/{}={}", name, attribute.value))));
    }
  }
}

bool has_fixed_placement(const Definition& definition) {
  return std::any_of(definition.attributes.begin(), definition.attributes.end(), sets_placement);
}

std::string advice_on_placement(const Snapshot& seen, const Definitions& defined,
                                const Definition& definition,
                                const std::vector<DriftedSetting>& differences) {
  if (std::none_of(differences.begin(), differences.end(),
                   [](const DriftedSetting& one) { return one.setting.ends_with(placement_file); })) {
    return {};
  }
  const std::optional<unsigned> wanted = placement_of(definition);
  if (!wanted) {
    return {};
  }
  for (const Device& device : seen.devices) {
    const Definition* other = device.uuid != definition.uuid && device.parent == definition.parent
                                  ? defined.find(device.uuid, device.parent)
                                  : nullptr;
    const auto& present = device.settings.or_default().attributes;
    const std::optional<unsigned> its = other != nullptr ? placement_of(*other) : std::nullopt;
    const bool has_it =
        its && std::any_of(present.begin(), present.end(), [&](const auto& one) {
          return one.first.ends_with(placement_file) && one.second && parse_decimal(*one.second) == *wanted;
        });
    if (!has_it) {
      continue;
    }
    const std::string word = shell_word(identity_of(definition).word());
    const std::string other_word = shell_word(identity_of(*other).word());
    return its != wanted ? fmt::format("to apply the definitions of both devices: mdevadm restart {} {}",
                                       word, other_word)
                         : fmt::format(
                               "{} has this placement, too; to let the driver choose one: mdevadm modify {} "
                               "--delete-attr nvidia/placement_id",
                               identity_of(*other).quoted(), word);
  }
  return {};
}

std::optional<AvoidPlacements> placements_to_avoid(const Snapshot& seen, const Definitions& defined,
                                                   const Definition& wanted, const Device& device) {
  const Parent* gpu = seen.find_parent(wanted.parent.str());
  const auto part = gpu != nullptr && device.type ? part_of(*gpu, *device.type) : std::nullopt;
  if (!part || !gpu->capabilities.functions || has_fixed_placement(wanted)) {
    return std::nullopt;
  }
  AvoidPlacements result{device, part->size, part->memory, {}};
  for (const Definition& other : defined.all) {
    const std::optional<unsigned> first = placement_of(other);
    if (!first || other.parent != wanted.parent || other.uuid == wanted.uuid ||
        seen.find_device(other.uuid) != nullptr) {
      continue;
    }
    if (const auto fixed = part_of(*gpu, other.type)) {
      result.fixed.push_back({identity_of(other).quoted(), *first, fixed->size});
    }
  }
  return result.fixed.empty() ? std::nullopt : std::optional(std::move(result));
}

}  // namespace mdevadm
