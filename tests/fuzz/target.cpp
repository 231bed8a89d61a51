#include "target.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace mdevadm::fuzz {

const Target* find_target(std::string_view name) {
  for (const auto& targets :
       std::array{store_targets(), model_targets(), host_targets(), command_line_targets()}) {
    for (const Target& target : targets) {
      if (name == target.name) {
        return &target;
      }
    }
  }
  return nullptr;
}

void require(bool holds, const char* property) {
  if (!holds) {
    std::fprintf(stderr, "property violated: %s\n", property);
    std::abort();
  }
}

}  // namespace mdevadm::fuzz
