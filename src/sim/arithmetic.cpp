#include "arithmetic.hpp"

#include <fmt/format.h>

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
    broken(where,
           fmt::format("type '{}' has no framebuffer (in its properties) and no size", written.type.id));
  }
  return written.size;
}

plan::Capacity pool(Keys& keys, const std::string& name, std::uint64_t total,
                    const std::vector<WrittenType>& written) {
  std::vector<plan::SizedType> types;
  for (const WrittenType& one : written) {
    if (one.size == 0) {
      broken(keys.node(),
             fmt::format("type '{}' needs a 'size': what it takes of the {}", one.type.id, name));
    }
    types.push_back({one.type.id, one.size});
  }
  return plan::pool(name, total, types);
}

void set_homogeneous(Keys& keys, SimParent& parent, const std::vector<WrittenType>& written) {
  const auto mix =
      choice<plan::Mix>(keys.need("mix"), "mix",
                        {{"type", plan::Mix::type}, {"size", plan::Mix::size}, {"mixed", plan::Mix::mixed}});
  const std::uint64_t total = keys.mebibytes("framebuffer", 0);
  if (total == 0) {
    broken(keys.node(), "arithmetic 'homogeneous' needs a 'framebuffer', the whole GPU's");
  }
  std::vector<plan::FramebufferType> types;
  for (const WrittenType& one : written) {
    const std::uint64_t framebuffer = framebuffer_of(one, keys.node());
    types.push_back({one.type.id, one.type.most == 0 ? total / framebuffer : one.type.most, framebuffer});
  }
  parent.capacity = plan::homogeneous(types, total, mix);
}

void read_gvt(Keys& keys, SimParent& parent, std::vector<WrittenType>& written) {
  const plan::GvtMemory memory{keys.mebibytes("aperture", 1024), keys.mebibytes("total", 4096),
                               keys.number("fences", 32)};
  if (memory.total < memory.aperture) {
    broken(keys.node(), "'aperture' is a part of 'total' and cannot be more");
  }
  if (!written.empty()) {
    broken(keys.node(), "the types of arithmetic 'gvt' follow from the aperture; none can be given");
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
      broken(*keys.find("properties"), "'properties' must be \"key=value, key=value\"");
    }
    result.type.properties.emplace_back(trim(field.substr(0, sign)), trim(field.substr(sign + 1)));
  }
  keys.finish();
  return result;
}

void read_arithmetic(Keys& keys, const toml::table& where, SimParent& parent,
                     std::vector<WrittenType>& types) {
  if (parent.arithmetic == Arithmetic::gvt) {
    return read_gvt(keys, parent, types);
  }
  if (types.empty()) {
    broken(where, "a parent needs 'types' or a [[parent.type]]");
  }
  set_capacity(keys, parent, types);
}

}  // namespace mdevadm::sim
