#include "dialect.hpp"

#include <array>

namespace mdevadm {

const Dialect* dialect_of(const sys::Dir& parent) {
  const std::array known{&upstream_dialect()};
  for (const Dialect* dialect : known) {
    if (dialect->speaks(parent)) {
      return dialect;
    }
  }
  return nullptr;
}

}  // namespace mdevadm
