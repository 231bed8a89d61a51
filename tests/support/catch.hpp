// Catch2, version 2 (Debian 12) or 3.
#pragma once

#ifdef MDEVADM_CATCH2_V2
#include <catch2/catch.hpp>

namespace Catch::Matchers {
// Catch2 3 renamed Contains.
inline auto ContainsSubstring(const std::string& text) {
  return Contains(text);
}
}  // namespace Catch::Matchers
#else
#include <catch2/catch_all.hpp>
#endif
