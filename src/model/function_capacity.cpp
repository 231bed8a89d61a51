#include <mdevadm/model/function_capacity.hpp>

#include <algorithm>
#include <mdevadm/model/vgpu_name.hpp>
#include <optional>
#include <set>

namespace mdevadm {

namespace {

bool accepts_type(const Function& function, const TypeName& type) {
  return std::any_of(function.creatable.begin(), function.creatable.end(),
                     [&](const NamedType& one) { return one.id == type; });
}

std::uint64_t free_functions(const Parent& gpu, const TypeName& type) {
  const auto accepts = [&](const Function& function) {
    return !function.type && accepts_type(function, type);
  };
  return static_cast<std::uint64_t>(std::count_if(gpu.functions.begin(), gpu.functions.end(), accepts));
}

// Returns the devices that count against the maximum of a type: with MIG those of the same size in GPU
// instances of the same size, whatever their series, otherwise all.
std::uint64_t devices_against(const Parent& gpu, const std::optional<VgpuName>& name, bool is_mig) {
  const auto counts = [&](const Function& function) {
    const Type* type = function.type ? gpu.find_type(function.type->str()) : nullptr;
    const auto used = parse_vgpu_name(type != nullptr ? type->name.value_or("") : "");
    return function.type &&
           (!is_mig || (used && name && used->slices == name->slices && used->gib == name->gib));
  };
  return static_cast<std::uint64_t>(std::count_if(gpu.functions.begin(), gpu.functions.end(), counts));
}

// Returns whether all types of the GPU are known. Drivers that list only creatable types omit some when the
// GPU has a vGPU.
bool knows_all_types(const Parent& gpu) {
  return !gpu.capabilities.types_vanish || !gpu.unlisted.empty() ||
         std::none_of(gpu.functions.begin(), gpu.functions.end(),
                      [](const Function& function) { return function.type.has_value(); });
}

// Returns the size of the largest type, which is that of the GPU; 0 if not all types are known.
unsigned largest_type(const Parent& gpu) {
  unsigned largest = 0;
  for (const Type* type : gpu.all_types()) {
    const auto name = parse_vgpu_name(type->name.value_or(""));
    largest = name && !name->needs_gpu_instance() ? std::max(largest, name->gib) : largest;
  }
  return knows_all_types(gpu) ? largest : 0;
}

// Sizes are compared in halves of a GiB, of which the smallest types have one.
unsigned halves(const VgpuName& name) {
  return name.gib == 0 ? 1 : name.gib * 2;
}

// Returns the memory that the vGPUs on a GPU take, in halves of a GiB; nullopt if the size of one is unknown.
std::optional<unsigned> halves_in_use(const Parent& gpu) {
  unsigned sum = 0;
  for (const Function& function : gpu.functions) {
    const Type* type = function.type ? gpu.find_type(function.type->str()) : nullptr;
    const auto name = parse_vgpu_name(type != nullptr ? type->name.value_or("") : "");
    if (function.type && !name) {
      return std::nullopt;
    }
    sum += function.type ? halves(*name) : 0;
  }
  return sum;
}

// Returns the names of the types in use, as far as they are known.
std::vector<VgpuName> names_in_use(const Parent& gpu) {
  std::vector<VgpuName> names;
  for (const Function& function : gpu.functions) {
    const Type* type = function.type ? gpu.find_type(function.type->str()) : nullptr;
    if (auto name = parse_vgpu_name(type != nullptr ? type->name.value_or("") : "")) {
      names.push_back(std::move(*name));
    }
  }
  return names;
}

// Returns whether vGPUs of different sizes can be, or are, active together; with MIG, a GPU instance decides.
bool mixes_sizes(const Parent& gpu) {
  const std::vector<VgpuName> names = names_in_use(gpu);
  const auto is_mig = [](const VgpuName& name) { return name.needs_gpu_instance(); };
  const auto differs = [&](const VgpuName& name) { return name.gib != names.front().gib; };
  return std::none_of(names.begin(), names.end(), is_mig) &&
         (shows_mixed_sizes(gpu.functions) || std::any_of(names.begin(), names.end(), differs));
}

// Returns whether the GPU has vGPUs and accepts only more of their size.
bool keeps_to_one_size(const Parent& gpu) {
  const std::vector<VgpuName> names = names_in_use(gpu);
  const auto is_mig = [](const VgpuName& name) { return name.needs_gpu_instance(); };
  return !names.empty() && halves_in_use(gpu) && std::none_of(names.begin(), names.end(), is_mig) &&
         !mixes_sizes(gpu);
}

// Returns the memory of the GPU of a type: by its name, or, if that is unknown and the type is not one of GPU
// instances, the size of its largest type; 0: unknown.
unsigned memory_for(const VgpuName& name, unsigned largest) {
  const unsigned known = memory_of_gpu(name.gpu);
  return known == 0 && !name.needs_gpu_instance() ? largest : known;
}

// Returns how many vGPUs of a type fit on the GPU if no other is there, or nothing if that is unknown.
std::optional<std::uint64_t> most_of(const VgpuName& name, unsigned memory) {
  if (memory == 0) {
    return std::nullopt;
  }
  return name.needs_gpu_instance() ? most_by_slices(name, memory) : most_by_size(name, memory);
}

// Returns whether the driver may accept a type that no VF lists. With mixed sizes NVIDIA's driver lists a
// type only while fewer vGPUs exist than the maximum of that type, but creates it if a part of the
// framebuffer is free for it (kernel_vgpu_mgr.c): beside two small vGPUs it can have room for a half of the
// GPU. true: a VF is free and the free memory is large enough; which parts of the memory are free is unknown.
bool may_be_accepted(const Parent& gpu, const Type& type) {
  const auto name = parse_vgpu_name(type.name.value_or(""));
  const std::optional<unsigned> used = halves_in_use(gpu);
  const bool has_room = std::any_of(gpu.functions.begin(), gpu.functions.end(), [](const Function& function) {
    return function.usable && !function.type;
  });
  if (!name || name->needs_gpu_instance() || !used || *used == 0 || !has_room || !mixes_sizes(gpu)) {
    return false;
  }
  const unsigned known = memory_of_gpu(name->gpu);
  const unsigned memory = known == 0 ? largest_type(gpu) : known;
  return *used + halves(*name) <= memory * 2;
}

}  // namespace

bool shows_mixed_sizes(const std::vector<Function>& functions) {
  std::set<TypeName> accepted;
  std::set<unsigned> sizes;
  for (const Function& function : functions) {
    for (const NamedType& one : function.creatable) {
      if (const auto name = parse_vgpu_name(one.name); name && !name->needs_gpu_instance()) {
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

void exclude_reserved(Parent& gpu, const std::vector<FunctionName>& reserved) {
  const auto is_free = [&](const Function& function) {
    return function.usable && !function.type &&
           std::none_of(reserved.begin(), reserved.end(),
                        [&](const FunctionName& one) { return one.str() == function.address; });
  };
  for (std::vector<Type>* types : {&gpu.types, &gpu.unlisted}) {
    for (Type& type : *types) {
      const auto accepts = [&](const Function& function) {
        return is_free(function) && (type.hidden || accepts_type(function, type.id));
      };
      const auto free = std::count_if(gpu.functions.begin(), gpu.functions.end(), accepts);
      if (type.available && gpu.capabilities.functions && !reserved.empty()) {
        type.available = std::min(*type.available, static_cast<std::uint64_t>(free));
        type.hidden = type.hidden && free > 0;
      }
    }
  }
}

// 0 and 1 are exact on VFs, except for types that the driver does not list. Larger numbers are exact if the
// GPU keeps to the size of its vGPUs.
bool is_available_limit(const Parent& parent, const Type& type) {
  const bool is_known = type.available.value_or(0) <= 1 || (type.maximum && keeps_to_one_size(parent));
  return parent.capabilities.functions && (type.hidden || !is_known);
}

namespace {

// Sets the maxima of types. Where the driver reports none, they follow from the names, whether NVIDIA's table
// is read or not, so that they do not depend on the types that the driver lists.
void set_maxima(Parent& gpu, unsigned largest) {
  const std::uint64_t functions = gpu.functions.size();
  for (std::vector<Type>* types : {&gpu.types, &gpu.unlisted}) {
    for (Type& type : *types) {
      const auto name = parse_vgpu_name(type.name.value_or(""));
      if (name && (!type.maximum || gpu.capabilities.types_vanish)) {
        const std::optional<std::uint64_t> most = most_of(*name, memory_for(*name, largest));
        type.maximum = most ? most : type.maximum;
      }
      if (type.maximum && functions > 0) {
        type.maximum = std::min(*type.maximum, functions);
      }
    }
  }
}

}  // namespace

void limit_available(Parent& gpu) {
  const unsigned largest = largest_type(gpu);
  set_maxima(gpu, largest);
  const bool mixed = shows_mixed_sizes(gpu.functions);
  const std::optional<unsigned> used = halves_in_use(gpu);
  for (Type& type : gpu.types) {
    const auto name = parse_vgpu_name(type.name.value_or(""));
    const bool is_mig = name && name->needs_gpu_instance();
    const std::uint64_t free = free_functions(gpu, type.id);
    const unsigned memory = name ? memory_for(*name, largest) : 0;
    type.available = free;
    if (free == 0) {
      continue;
    }
    std::optional<std::uint64_t> left;
    if (mixed && !is_mig) {
      // Maxima apply to equal sizes; of mixed ones the sum must fit.
      if (name && memory > 0 && used) {
        left = (memory * 2 - std::min(memory * 2, *used)) / halves(*name);
      }
    } else if (type.maximum) {
      left = *type.maximum - std::min(*type.maximum, devices_against(gpu, name, is_mig));
    }
    type.available = left ? std::clamp<std::uint64_t>(*left, 1, free) : free;
  }
  for (std::vector<Type>* types : {&gpu.types, &gpu.unlisted}) {
    for (Type& type : *types) {
      type.hidden = type.available == 0U && may_be_accepted(gpu, type);
      type.available = type.hidden ? std::optional<std::uint64_t>(1) : type.available;
    }
  }
}

}  // namespace mdevadm
