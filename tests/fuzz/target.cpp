#include "target.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace mdevadm::fuzz {

std::vector<Target> all_targets() {
  std::vector<Target> all;
  for (const auto& targets :
       std::array{store_targets(), model_targets(), host_targets(), command_line_targets(), run_targets()}) {
    all.insert(all.end(), targets.begin(), targets.end());
  }
  return all;
}

const Target* find_target(std::string_view name) {
  static const std::vector<Target> all = all_targets();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Target& target) { return name == target.name; });
  return found == all.end() ? nullptr : &*found;
}

void require(bool holds, const char* property) {
  if (!holds) {
    std::fprintf(stderr, "property violated: %s\n", property);
    std::abort();
  }
}

}  // namespace mdevadm::fuzz
