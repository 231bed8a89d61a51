#include <mdevadm/plan/shared_capacity.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include <mdevadm/model/function_capacity.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

using plan::Capacity;
using plan::Demand;
using plan::Resource;

constexpr std::uint64_t mebibyte = 1 << 20;

// The input of a Capacity while it is being collected.
struct Collected {
  std::vector<Resource> resources;
  std::vector<Demand> demands;

  void add_resource(const std::string& name, std::uint64_t total, const std::vector<std::uint64_t>& takes) {
    resources.push_back({name, total});
    for (std::size_t i = 0; i < demands.size(); ++i) {
      demands[i].takes.push_back(takes[i]);
    }
  }
};

std::optional<std::uint64_t> mebibytes(const Type& type, std::string_view name) {
  for (const Property& property : type.properties) {
    if (property.name == name && std::holds_alternative<Bytes>(property.value)) {
      return std::get<Bytes>(property.value).count / mebibyte;
    }
  }
  return std::nullopt;
}

using Types = std::vector<const Type*>;

// Returns the types of which devices may be created: the listed ones, and those that the driver may accept
// although it does not list them.
Types types_to_create(const Parent& parent) {
  Types types;
  for (const Type& type : parent.types) {
    types.push_back(&type);
  }
  for (const Type& type : parent.unlisted) {
    if (type.hidden) {
      types.push_back(&type);
    }
  }
  return types;
}

// Returns one number per type, or nothing if any type has none.
template <typename Of>
std::optional<std::vector<std::uint64_t>> of_all(const Types& types, Of of) {
  std::vector<std::uint64_t> numbers;
  for (const Type* type : types) {
    const std::optional<std::uint64_t> number = of(*type);
    if (!number || *number == 0) {
      return std::nullopt;
    }
    numbers.push_back(*number);
  }
  return numbers;
}

// Adds one pool that all types share. Its free amount is the largest that agrees with the available instances
// of every type for which they are known. After a stop they may be known for none.
void add_pool(const Types& types, const std::string& name, const std::vector<std::uint64_t>& takes,
              Collected& room) {
  std::optional<std::uint64_t> left;
  for (std::size_t i = 0; i < takes.size(); ++i) {
    if (types[i]->available) {
      const std::uint64_t most = (*types[i]->available + 1) * takes[i] - 1;
      left = std::min(left.value_or(most), most);
    }
  }
  if (left) {
    room.add_resource(name, *left, takes);
  }
}

std::uint64_t count_of(const Type& type, const Parent& parent, const std::vector<Device>& devices) {
  return static_cast<std::uint64_t>(std::count_if(devices.begin(), devices.end(), [&](const Device& device) {
    return device.parent == parent.name && device.type == type.id;
  }));
}

// A type of a GPU instance (MIG) has the memory of the instance for itself.
bool is_of_instance(const Type& type) {
  return std::any_of(type.properties.begin(), type.properties.end(),
                     [](const Property& property) { return property.name == "gpu_slices"; });
}

bool mixes_sizes(const Parent& parent, const std::vector<Device>& devices, FramebufferSizes sizes) {
  if (!parent.capabilities.functions) {
    return false;
  }
  const bool carries = std::any_of(parent.functions.begin(), parent.functions.end(),
                                   [](const Function& function) { return function.type.has_value(); }) ||
                       std::any_of(devices.begin(), devices.end(),
                                   [&](const Device& device) { return device.parent == parent.name; });
  return carries ? shows_mixed_sizes(parent.functions) : sizes == FramebufferSizes::any;
}

// Adds the framebuffer of an NVIDIA GPU, which holds types of one framebuffer size at a time unless sizes are
// mixed. The free amount follows from the available instances or, if not reported, from the maximum instances
// less the active devices. Adds nothing if neither is known for a type.
void add_framebuffer(const Parent& parent, const Types& types, const std::vector<Device>& devices,
                     FramebufferSizes sizes, Collected& room) {
  auto framebuffers = of_all(types, [](const Type& type) { return mebibytes(type, "framebuffer"); });
  if (!framebuffers) {
    return;
  }
  const bool mixed = mixes_sizes(parent, devices, sizes);
  std::uint64_t left = 0;
  for (std::size_t i = 0; i < framebuffers->size(); ++i) {
    const Type& type = *types[i];
    if (is_of_instance(type)) {
      (*framebuffers)[i] = 0;
      continue;
    }
    if (!type.available && !type.maximum) {
      return;
    }
    const std::uint64_t used = count_of(type, parent, devices);
    const std::uint64_t idle = type.maximum.value_or(0);
    left = std::max(left, type.available.value_or(idle - std::min(idle, used)) * (*framebuffers)[i]);
    room.demands[i].kind = mixed ? std::string{} : std::to_string((*framebuffers)[i]) + " MiB";
  }
  room.add_resource("framebuffer", left, *framebuffers);
}

// Returns the capacity of an i915 GVT-g parent. The driver does not report the size of the GPU's memory, so
// each known size is tried until the available instances of every type match. Returns nothing if none does.
std::optional<Capacity> gvt_capacity(const Parent& parent, const std::vector<Device>& devices) {
  constexpr std::uint64_t whole = 4096;
  constexpr std::uint64_t fences = 32;
  if (parent.types.empty() || !mebibytes(parent.types.front(), "low_gm_size")) {
    return std::nullopt;
  }
  const std::string& id = parent.types.front().id.str();
  for (const std::uint64_t aperture : {256U, 512U, 1024U, 2048U}) {
    Capacity capacity = plan::gvt({aperture, whole, fences}, id.substr(0, id.rfind('_') + 1));
    for (const Device& device : devices) {
      if (device.parent == parent.name && device.type && capacity.fits(device.type->str())) {
        capacity.take(device.type->str());
      }
    }
    if (std::all_of(parent.types.begin(), parent.types.end(),
                    [&](const Type& type) { return type.available == capacity.left(type.id.str()); })) {
      return capacity;
    }
  }
  return std::nullopt;
}

// Adds the resources of the kernel's sample drivers: mtty-N uses N ports, all mdpy types share one counter,
// and mbochs types state their video memory. Returns whether the parent is of one of them.
bool add_samples(const Types& types, Collected& room) {
  const auto ports = of_all(types, [](const Type& type) -> std::optional<std::uint64_t> {
    constexpr std::string_view prefix = "mtty-";
    const std::string& id = type.id.str();
    return id.starts_with(prefix) ? parse_decimal(id.substr(prefix.size())) : std::nullopt;
  });
  const auto memory = of_all(types, [](const Type& type) { return mebibytes(type, "video_memory"); });
  const auto displays = of_all(types, [](const Type& type) {
    return type.id.str().starts_with("mdpy-") ? std::optional<std::uint64_t>(1) : std::nullopt;
  });
  for (const auto& [name, takes] :
       {std::pair{"ports", ports}, std::pair{"video memory", memory}, std::pair{"displays", displays}}) {
    if (takes && !takes->empty()) {
      add_pool(types, name, *takes, room);
    }
  }
  return !room.resources.empty();
}

// Adds the available instances of each type, beside which other limits are known only in part.
void add_counters(const Types& types, Collected& room) {
  for (std::size_t i = 0; i < types.size(); ++i) {
    const Type& type = *types[i];
    std::vector<std::uint64_t> takes(types.size());
    takes[i] = type.available ? 1 : 0;
    room.add_resource(type.id.str(), type.available.value_or(0), takes);
  }
}

}  // namespace

Capacity capacity_of(const Parent& parent, const std::vector<Device>& devices, FramebufferSizes sizes) {
  if (auto known = gvt_capacity(parent, devices)) {
    return *std::move(known);
  }
  const Types types = types_to_create(parent);
  Collected room;
  for (const Type* type : types) {
    room.demands.push_back({type->id.str(), {}});
  }
  // The pool of a sample driver says how many devices of each type fit, also after others have left.
  if (!add_samples(types, room)) {
    add_counters(types, room);
    add_framebuffer(parent, types, devices, sizes, room);
  }
  return {std::move(room.resources), std::move(room.demands)};
}

}  // namespace mdevadm
