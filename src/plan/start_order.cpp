#include <mdevadm/plan/start_order.hpp>

#include <algorithm>
#include <map>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/plan/placements.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <utility>

namespace mdevadm {

namespace {

// Returns the framebuffer size in MiB; 0 if it is not known.
unsigned framebuffer_of(const Parent& gpu, const TypeName& wanted) {
  const Type* type = resolve_type(gpu, wanted.str());
  const auto name = parse_vgpu_name(type != nullptr && type->name ? *type->name : wanted.str());
  if (!name) {
    return 0;
  }
  constexpr unsigned half = 512;
  return name->gib == 0 ? half : name->gib * 2 * half;
}

const Parent* gpu_of(const Snapshot& seen, const Definition& definition) {
  const Parent* parent = seen.find_parent(definition.parent.str());
  return parent != nullptr && parent->capabilities.functions ? parent : nullptr;
}

}  // namespace

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
