#include <mdevadm/plan/capacity.hpp>

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

namespace mdevadm::plan {

Capacity::Capacity(std::vector<Resource> resources, std::vector<Demand> demands)
    : resources_(std::move(resources)), demands_(std::move(demands)), used_(resources_.size()) {}

std::vector<std::string> Capacity::types() const {
  std::vector<std::string> names;
  for (const Demand& demand : demands_) {
    names.push_back(demand.type);
  }
  return names;
}

const Demand* Capacity::find(std::string_view type) const {
  const auto found = std::find_if(demands_.begin(), demands_.end(),
                                  [&](const Demand& demand) { return demand.type == type; });
  return found == demands_.end() ? nullptr : &*found;
}

std::uint64_t Capacity::need(const Demand& demand, std::size_t resource, std::uint64_t units) const {
  return demand.takes[resource] * (resources_[resource].once_a_unit ? units : 1);
}

std::uint64_t Capacity::left(std::string_view type) const {
  const Demand* demand = find(type);
  if (demand == nullptr || is_shut_out(type)) {
    return 0;
  }
  std::uint64_t result = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < resources_.size(); ++i) {
    if (demand->takes[i] > 0) {
      const std::uint64_t total = resources_[i].total;
      result = std::min(result, (total - std::min(used_[i], total)) / demand->takes[i]);
    }
  }
  return result;
}

bool Capacity::is_shut_out(std::string_view type) const {
  const Demand* demand = find(type);
  return demand != nullptr && !demand->kind.empty() &&
         std::any_of(kinds_.begin(), kinds_.end(),
                     [&](const auto& kind) { return kind.first != demand->kind; });
}

bool Capacity::fits(std::string_view type, std::uint64_t units) const {
  if (left(type) == 0 || units == 0) {
    return false;
  }
  const Demand& demand = *find(type);
  for (std::size_t i = 0; i < resources_.size(); ++i) {
    const std::uint64_t free = resources_[i].total - used_[i];
    if (demand.takes[i] > 0 && units > free / (demand.takes[i]) && need(demand, i, units) > free) {
      return false;
    }
  }
  return true;
}

bool Capacity::allow_all_kinds() {
  bool any = false;
  for (Demand& demand : demands_) {
    any = any || !demand.kind.empty();
    demand.kind.clear();
  }
  kinds_.clear();
  return any;
}

std::uint64_t Capacity::most_units(std::string_view type, std::uint64_t units) const {
  const Demand* demand = find(type);
  if (demand == nullptr) {
    return 0;
  }
  std::uint64_t more = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < resources_.size(); ++i) {
    if (demand->takes[i] > 0 && resources_[i].once_a_unit) {
      more = std::min(more, (resources_[i].total - used_[i]) / demand->takes[i]);
    }
  }
  return units + more;
}

void Capacity::take(std::string_view type, std::uint64_t units) {
  const Demand& demand = *find(type);
  for (std::size_t i = 0; i < resources_.size(); ++i) {
    used_[i] += need(demand, i, units);
  }
  if (!demand.kind.empty()) {
    ++kinds_[demand.kind];
  }
}

void Capacity::give_back(std::string_view type, std::uint64_t units) {
  const Demand& demand = *find(type);
  for (std::size_t i = 0; i < resources_.size(); ++i) {
    const std::uint64_t freed = need(demand, i, units);
    // Devices that were active before are not in `used_`, and the total is what they left free.
    resources_[i].total += freed - std::min(freed, used_[i]);
    used_[i] -= std::min(freed, used_[i]);
  }
  const auto kind = kinds_.find(demand.kind);
  if (kind != kinds_.end() && --kind->second == 0) {
    kinds_.erase(kind);
  }
}

namespace {

// Returns a model in which each type has a separate counter and excludes all other types.
Capacity one_type_at_a_time(std::span<const FramebufferType> types) {
  std::vector<Resource> resources;
  std::vector<Demand> demands;
  for (const FramebufferType& type : types) {
    resources.push_back({type.type, type.most});
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    std::vector<std::uint64_t> takes(types.size());
    takes[i] = 1;
    demands.push_back({types[i].type, std::move(takes), types[i].type});
  }
  return {std::move(resources), std::move(demands)};
}

constexpr std::array<GvtType, 4> all_gvt_types{{{"8", 64, 384, 4, "1024x768", 2},
                                                {"4", 128, 512, 4, "1920x1200", 4},
                                                {"2", 256, 1024, 4, "1920x1200", 8},
                                                {"1", 512, 2048, 4, "1920x1200", 16}}};
constexpr GvtMemory host_keeps{128, 384, 4};

std::uint64_t less(std::uint64_t whole, std::uint64_t part) {
  return whole > part ? whole - part : 0;
}

}  // namespace

Capacity homogeneous(std::span<const FramebufferType> types, std::uint64_t framebuffer, Mix mix) {
  if (mix == Mix::type) {
    return one_type_at_a_time(types);
  }
  std::vector<Demand> demands;
  for (const FramebufferType& type : types) {
    demands.push_back({type.type,
                       {type.framebuffer},
                       mix == Mix::size ? fmt::format("{} MiB", type.framebuffer) : std::string{}});
  }
  return {{{"framebuffer", framebuffer}}, std::move(demands)};
}

std::span<const GvtType> gvt_types() {
  return all_gvt_types;
}

std::span<const GvtType> gvt_types_for(std::uint64_t aperture) {
  const auto* const end = std::find_if(all_gvt_types.begin(), all_gvt_types.end(), [&](const GvtType& type) {
    return less(aperture, host_keeps.aperture) < type.low;
  });
  return {all_gvt_types.begin(), end};
}

Capacity gvt(const GvtMemory& memory, const std::string& prefix) {
  std::vector<Demand> demands;
  for (const GvtType& type : gvt_types_for(memory.aperture)) {
    demands.push_back({prefix + std::string(type.name), {type.low, type.high, type.fences}});
  }
  const std::uint64_t hidden = less(memory.total, memory.aperture);
  return {{{"low graphics memory", less(memory.aperture, host_keeps.aperture)},
           {"high graphics memory", less(hidden, host_keeps.total)},
           {"fences", less(memory.fences, host_keeps.fences), false}},
          std::move(demands)};
}

Capacity pool(std::string name, std::uint64_t total, std::span<const SizedType> types) {
  std::vector<Demand> demands;
  for (const SizedType& type : types) {
    demands.push_back({type.type, {type.size}});
  }
  return {{{std::move(name), total}}, std::move(demands)};
}

Capacity counter(std::uint64_t total, std::span<const std::string> types) {
  std::vector<Demand> demands;
  for (const std::string& type : types) {
    demands.push_back({type, {1}});
  }
  return {{{"instances", total}}, std::move(demands)};
}

Capacity separate(std::span<const SizedType> types) {
  std::vector<Resource> resources;
  std::vector<Demand> demands;
  for (std::size_t i = 0; i < types.size(); ++i) {
    resources.push_back({types[i].type, types[i].size});
    std::vector<std::uint64_t> takes(types.size());
    takes[i] = 1;
    demands.push_back({types[i].type, std::move(takes)});
  }
  return {std::move(resources), std::move(demands)};
}

}  // namespace mdevadm::plan
