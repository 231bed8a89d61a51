// Entry of a fuzzer: the name of the program after "fuzz-" selects one of its targets, which are those that
// the function MDEVADM_FUZZ_TARGETS returns.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "target.hpp"

namespace {
const mdevadm::fuzz::Target* target = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** argv) {
  constexpr std::string_view prefix = "fuzz-";
  const std::string_view path = (*argv)[0];
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (const mdevadm::fuzz::Target& one : mdevadm::fuzz::MDEVADM_FUZZ_TARGETS()) {
    if (name.starts_with(prefix) && name.substr(prefix.size()) == one.name) {
      target = &one;
    }
  }
  if (target == nullptr) {
    std::fputs("call this program under the name fuzz-TARGET\n", stderr);
    std::exit(2);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
