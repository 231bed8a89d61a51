#include "target.hpp"

#include <cstdio>
#include <cstdlib>

namespace mdevadm::fuzz {

void require(bool holds, const char* property) {
  if (!holds) {
    std::fprintf(stderr, "property violated: %s\n", property);
    std::abort();
  }
}

}  // namespace mdevadm::fuzz
