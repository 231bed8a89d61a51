// Preloaded: the allocation with the number MDEVADM_FAIL_MALLOC fails, which is reported on stderr.
#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

namespace {

bool fails() {
  static const char* const text = std::getenv("MDEVADM_FAIL_MALLOC");
  static const long wanted = text != nullptr ? std::atol(text) : 0;
  static std::atomic<long> count = 0;
  if (wanted <= 0 || ++count != wanted) {
    return false;
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
