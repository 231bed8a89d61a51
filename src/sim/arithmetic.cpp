#include "arithmetic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/property.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::sim {

using store::broken;

namespace {

std::uint64_t framebuffer_of(const WrittenType& written, const toml::table& where) {
  for (const auto& [key, value] : written.type.properties) {
    const PropertyValue parsed = parse_property_value(value);
    if (key == "framebuffer" && std::holds_alternative<Bytes>(parsed)) {
      return std::get<Bytes>(parsed).count / mebibyte;
    }
  }
  if (written.size == 0) {
    broken(where, fmt::format("type '{}' requires a 'size' or the property 'framebuffer'", written.type.id));
  }
  return written.size;
}

plan::Capacity pool(Keys& keys, const std::string& name, std::uint64_t total,
                    const std::vector<WrittenType>& written) {
  std::vector<plan::SizedType> types;
  for (const WrittenType& one : written) {
    if (one.size == 0) {
      broken(keys.node(),
             fmt::format("type '{}' requires a 'size' (its share of the {})", one.type.id, name));
    }
    types.push_back({one.type.id, one.size});
  }
  return plan::pool(name, total, types);
}

std::uint64_t type_number(const WrittenType& written, const toml::table& where) {
  const auto number = parse_decimal(written.type.id);
  if (!number) {
    broken(where, fmt::format("type '{}' requires a number as 'id'", written.type.id));
  }
  return *number;
}

// The shipped driver's rules for types without names that it would have.
GpuModel gpu_of(const std::vector<plan::FramebufferType>& types, std::uint64_t total, bool mixed,
                const std::vector<WrittenType>& written) {
  GpuModel gpu{.memory = static_cast<unsigned>(total / 1024), .mixed = mixed};
  for (std::size_t i = 0; i < types.size(); ++i) {
    gpu.types.push_back({.id = parse_decimal(types[i].type).value_or(0),
                         .name = written[i].type.name,
                         .framebuffer = static_cast<unsigned>(types[i].framebuffer),
                         .size = std::max(static_cast<unsigned>(types[i].framebuffer / 1024), 1U),
                         .most = static_cast<unsigned>(types[i].most)});
  }
  return gpu;
}

void set_homogeneous(Keys& keys, SimParent& parent, const std::vector<WrittenType>& written) {
  const auto mix =
      choice<plan::Mix>(keys.need("mix"), "mix",
                        {{"type", plan::Mix::type}, {"size", plan::Mix::size}, {"mixed", plan::Mix::mixed}});
  const std::uint64_t total = keys.mebibytes("framebuffer", 0);
  if (total == 0) {
    broken(keys.node(), "arithmetic 'homogeneous' requires a 'framebuffer' (total of the GPU)");
  }
  std::vector<plan::FramebufferType> types;
  for (const WrittenType& one : written) {
    const std::uint64_t framebuffer = framebuffer_of(one, keys.node());
    types.push_back({one.type.id, one.type.most == 0 ? total / framebuffer : one.type.most, framebuffer});
  }
  parent.capacity = plan::homogeneous(types, total, mix);
  if (parent.interface->id == "N1") {
    parent.gpu = gpu_of(types, total, mix == plan::Mix::mixed, written);
  }
}

// The types, sizes and maxima of an NVIDIA GPU with virtual functions follow from the names of its types.
void set_nvidia(Keys& keys, SimParent& parent, const std::vector<WrittenType>& written) {
  GpuModel gpu{.profiles = std::move(parent.gpu->profiles)};
  gpu.generation = choice<Generation>(keys.need("generation"), "generation",
                                      {{"ampere", Generation::ampere},
                                       {"ada", Generation::ada},
                                       {"hopper", Generation::hopper},
                                       {"blackwell", Generation::blackwell}});
  gpu.memory = static_cast<unsigned>(keys.mebibytes("framebuffer", 0) / 1024);
  gpu.mixed = keys.truth("mixed", false);
  gpu.mig = keys.truth("mig", false);
  for (const std::uint64_t profile : keys.numbers("instances")) {
    gpu.instances.push_back(static_cast<unsigned>(profile));
  }
  if (gpu.memory == 0) {
    broken(keys.node(), "arithmetic 'nvidia' requires a 'framebuffer' (nominal memory size of the GPU)");
  }
  for (const WrittenType& one : written) {
    VgpuType type{.id = type_number(one, keys.node()),
                  .name = one.type.name,
                  .most = static_cast<unsigned>(one.type.most)};
    if (!complete_type(type, gpu)) {
      broken(keys.node(),
             fmt::format("type '{}' requires a name such as \"NVIDIA L40S-4Q\" that fits the GPU, not '{}'",
                         one.type.id, printable(one.type.name)));
    }
    gpu.types.push_back(type);
  }
  if (gpu.mig && gpu.profiles.empty()) {
    broken(keys.node(), "'mig' requires profiles of GPU instances ([[parent.profile]])");
  }
  if (VgpuState(gpu).instances().size() != gpu.instances.size()) {
    broken(keys.node(), "'instances' must be numbers of profiles that fit together, with 'mig' = true");
  }
  parent.gpu = std::move(gpu);
}

void read_gvt(Keys& keys, SimParent& parent, std::vector<WrittenType>& written) {
  const plan::GvtMemory memory{keys.mebibytes("aperture", 1024), keys.mebibytes("total", 4096),
                               keys.number("fences", 32)};
  if (memory.total < memory.aperture) {
    broken(keys.node(), "'aperture' must not be larger than 'total', which includes it");
  }
  if (!written.empty()) {
    broken(keys.node(),
           "arithmetic 'gvt' derives the types from 'aperture'; remove 'types' and [[parent.type]]");
  }
  const std::string prefix = fmt::format("GVTg_V{}_", keys.number("generation", 5));
  const std::uint64_t aggregation = keys.number("aggregation", 0);
  for (const plan::GvtType& type : plan::gvt_types_for(memory.aperture)) {
    SimType one{.id = prefix + std::string(type.name)};
    one.description =
        fmt::format("low_gm_size: {}MB\nhigh_gm_size: {}MB\nfence: {}\nresolution: {}\nweight: {}\n",
                    type.low, type.high, type.fences, type.resolution, type.weight);
    one.properties = {{"low_gm_size", fmt::format("{}M", type.low)},
                      {"high_gm_size", fmt::format("{}M", type.high)},
                      {"fence", fmt::format("{}", type.fences)},
                      {"resolution", std::string(type.resolution)}};
    if (parent.interface->aggregation != Aggregation::none) {
      one.aggregation = type.name == "8" ? aggregation : 0;
      one.description += fmt::format("aggregation: {}\n", one.aggregation > 0 ? "yes" : "no");
    }
    written.push_back({one, 0});
  }
  parent.capacity = plan::gvt(memory, prefix);
}

void set_capacity(Keys& keys, SimParent& parent, const std::vector<WrittenType>& written) {
  switch (parent.arithmetic) {
    case Arithmetic::homogeneous: return set_homogeneous(keys, parent, written);
    case Arithmetic::nvidia: return set_nvidia(keys, parent, written);
    case Arithmetic::ports: parent.capacity = pool(keys, "ports", keys.number("ports", 24), written); return;
    case Arithmetic::memory:
      parent.capacity = pool(keys, "memory", keys.mebibytes("memory", 256), written);
      return;
    default: break;
  }
  if (parent.arithmetic == Arithmetic::fixed) {
    std::vector<plan::SizedType> types;
    types.reserve(written.size());
    for (const WrittenType& one : written) {
      types.push_back({one.type.id, one.type.most});
    }
    parent.capacity = plan::separate(types);
    return;
  }
  std::vector<std::string> ids;
  ids.reserve(written.size());
  for (const WrittenType& one : written) {
    ids.push_back(one.type.id);
  }
  const std::uint64_t total = parent.arithmetic == Arithmetic::shared ? keys.number("total", 4)
                              : parent.arithmetic == Arithmetic::ap   ? 65536
                                                                      : 1;
  parent.capacity = plan::counter(total, ids);
}

}  // namespace

WrittenType read_type(const toml::table& table) {
  Keys keys(table, "a type");
  WrittenType result{};
  result.type.id = component(keys.need("id"), "id");
  result.type.name = keys.text("name");
  result.type.description = keys.text("description");
  result.type.most = keys.number("max", 0);
  result.type.aggregation = keys.number("aggregation", 0);
  result.size = keys.mebibytes("size", 0);
  const std::string properties = keys.text("properties");
  for (const std::string_view field : split(properties, ',')) {
    const std::size_t sign = field.find('=');
    if (properties.empty()) {
      break;
    }
    if (sign == std::string_view::npos) {
      broken(*keys.find("properties"), "'properties' must have the form \"key=value, key=value\"");
    }
    result.type.properties.emplace_back(trim(field.substr(0, sign)), trim(field.substr(sign + 1)));
  }
  keys.finish();
  return result;
}

InstanceProfile read_profile(const toml::table& table) {
  Keys keys(table, "a profile");
  InstanceProfile profile{.id = static_cast<unsigned>(keys.number("id", 0)),
                          .name = keys.text("name"),
                          .most = static_cast<unsigned>(keys.number("max", 1))};
  if (!read_profile_name(profile)) {
    broken(table,
           fmt::format("'name' must be the name of a GPU instance profile, such as \"1g.10gb\", not '{}'",
                       printable(profile.name)));
  }
  keys.finish();
  return profile;
}

void read_arithmetic(Keys& keys, const toml::table& where, SimParent& parent,
                     std::vector<WrittenType>& types) {
  if (parent.arithmetic == Arithmetic::gvt) {
    return read_gvt(keys, parent, types);
  }
  const bool is_plain = parent.interface->layout == Layout::functions && parent.interface->revision == 0;
  if (types.empty() && !is_plain) {
    broken(where, "a parent requires 'types' or [[parent.type]]");
  }
  set_capacity(keys, parent, types);
}

}  // namespace mdevadm::sim
