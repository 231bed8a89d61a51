// Preloaded: the allocation with the number MDEVADM_FAIL_MALLOC fails, and with MDEVADM_FAIL_MALLOC=NUMBER+
// all later ones as well; the first one that fails is reported on stderr.
#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace {

bool fails() {
  static const char* const text = std::getenv("MDEVADM_FAIL_MALLOC");
  static const long wanted = text != nullptr ? std::atol(text) : 0;
  static const bool all = text != nullptr && std::strchr(text, '+') != nullptr;
  static std::atomic<long> count = 0;
  const long number = wanted > 0 ? ++count : 0;
  if (number < wanted || wanted <= 0 || (number > wanted && !all)) {
    return false;
  }
  errno = ENOMEM;
  if (number > wanted) {
    return true;
  }
  constexpr char said[] = "injected\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, said, sizeof said - 1);
  errno = ENOMEM;
  return true;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" void* malloc(std::size_t size) {
  static const auto real = next<void* (*)(std::size_t)>("malloc");
  return fails() ? nullptr : real(size);
}

extern "C" void* realloc(void* old, std::size_t size) {
  static const auto real = next<void* (*)(void*, std::size_t)>("realloc");
  return fails() ? nullptr : real(old, size);
}
