#include <mdevadm/plan/start_order.hpp>

#include <algorithm>
#include <map>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/plan/placements.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <utility>

namespace mdevadm {

namespace {

// Returns the framebuffer size in MiB by the vendor's name of a type; 0 if it has none.
unsigned framebuffer_in(const std::string& name) {
  const auto parsed = parse_vgpu_name(name);
  if (!parsed) {
    return 0;
  }
  constexpr unsigned half = 512;
  return parsed->gib == 0 ? half : parsed->gib * 2 * half;
}

unsigned framebuffer_of(const Parent& gpu, const TypeName& wanted) {
  const Type* type = resolve_type(gpu, wanted.str());
  return framebuffer_in(type != nullptr && type->name ? *type->name : wanted.str());
}

const Parent* gpu_of(const Snapshot& seen, const Definition& definition) {
  const Parent* parent = seen.find_parent(definition.parent.str());
  return parent != nullptr && parent->capabilities.functions ? parent : nullptr;
}

}  // namespace

unsigned defined_framebuffer(const Definition& definition) {
  const std::string* recorded = definition.abi ? find_pin(*definition.abi, "name") : nullptr;
  return framebuffer_in(recorded != nullptr ? *recorded : definition.type.str());
}

void sort_for_start(const Snapshot& seen, std::vector<Definition>& wanted) {
  std::map<const Parent*, std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (const Parent* gpu = gpu_of(seen, wanted[i])) {
      places[gpu].push_back(i);
    }
  }
  for (const auto& [gpu, of_gpu] : places) {
    std::vector<Definition> sorted;
    for (const std::size_t place : of_gpu) {
      sorted.push_back(wanted[place]);
    }
    const auto rank = [&, parent = gpu](const Definition& one) {
      return std::pair(has_fixed_placement(one) ? 0 : 1,
                       -static_cast<int>(framebuffer_of(*parent, one.type)));
    };
    std::stable_sort(sorted.begin(), sorted.end(),
                     [&](const Definition& a, const Definition& b) { return rank(a) < rank(b); });
    for (std::size_t i = 0; i < of_gpu.size(); ++i) {
      wanted[of_gpu[i]] = std::move(sorted[i]);
    }
  }
}

}  // namespace mdevadm
