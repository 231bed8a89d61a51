#include <mdevadm/model/function_capacity.hpp>

#include <algorithm>
#include <mdevadm/model/vgpu_name.hpp>
#include <set>

namespace mdevadm {

namespace {

std::uint64_t free_functions(const Parent& gpu, const TypeName& type) {
  const auto accepts = [&](const Function& function) {
    return !function.type && std::any_of(function.creatable.begin(), function.creatable.end(),
                                         [&](const NamedType& one) { return one.id == type; });
  };
  return static_cast<std::uint64_t>(std::count_if(gpu.functions.begin(), gpu.functions.end(), accepts));
}

// Returns the devices that count against the maximum of a type: those of the same GPU instance size with MIG,
// otherwise all.
std::uint64_t devices_against(const Parent& gpu, const Type& type, bool is_mig) {
  return static_cast<std::uint64_t>(std::count_if(
      gpu.functions.begin(), gpu.functions.end(),
      [&](const Function& function) { return function.type && (!is_mig || *function.type == type.id); }));
}

// Returns the size of the largest type, which is that of the GPU; 0 if the types are not all listed, as on a
// GPU that has a vGPU already.
unsigned memory_of_gpu(const Parent& gpu) {
  const bool carries = std::any_of(gpu.functions.begin(), gpu.functions.end(),
                                   [](const Function& function) { return function.type.has_value(); });
  unsigned largest = 0;
  for (const Type& type : gpu.types) {
    const auto name = parse_vgpu_name(type.name.value_or(""));
    largest = name && name->slices == 0 ? std::max(largest, name->gib) : largest;
  }
  return carries ? 0 : largest;
}

}  // namespace

bool shows_mixed_sizes(const std::vector<Function>& functions) {
  std::set<TypeName> accepted;
  std::set<unsigned> sizes;
  for (const Function& function : functions) {
    for (const NamedType& one : function.creatable) {
      if (const auto name = parse_vgpu_name(one.name); name && name->slices == 0) {
        accepted.insert(one.id);
        sizes.insert(name->gib);
      }
    }
  }
  const auto has_device = [](const Function& function) { return function.type.has_value(); };
  const auto is_missing = [&](const Function& function) {
    return function.type && !accepted.contains(*function.type);
  };
  return std::any_of(functions.begin(), functions.end(), has_device) &&
         (sizes.size() > 1 ||
          (!sizes.empty() && std::any_of(functions.begin(), functions.end(), is_missing)));
}

void limit_available(Parent& gpu) {
  const unsigned memory = memory_of_gpu(gpu);
  for (Type& type : gpu.types) {
    const auto name = parse_vgpu_name(type.name.value_or(""));
    const bool is_mig = name && name->slices != 0;
    const std::uint64_t free = free_functions(gpu, type.id);
    if (!type.maximum && name && !is_mig && memory > 0) {
      type.maximum = std::min<std::uint64_t>(most_by_size(*name, memory), gpu.functions.size());
    }
    type.available = free;
    if (type.maximum && free > 0) {
      const std::uint64_t devices = devices_against(gpu, type, is_mig);
      const std::uint64_t left = *type.maximum - std::min(*type.maximum, devices);
      type.available = std::clamp<std::uint64_t>(left, 1, free);
    }
  }
}

}  // namespace mdevadm
