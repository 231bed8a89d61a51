// Preloaded: with MDEVADM_JUMPING_CLOCK the time of day jumps by decades at each look, and with
// MDEVADM_SMALL_BUFFER sockets have the smallest receive buffer, so that they overrun soon.
#include <dlfcn.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdlib>
#include <ctime>

namespace {

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, struct timespec* time) {
  static const auto real = next<int (*)(clockid_t, struct timespec*)>("clock_gettime");
  static const bool jumps = std::getenv("MDEVADM_JUMPING_CLOCK") != nullptr;
  static std::atomic<unsigned> looks = 0;
  constexpr std::time_t year = 365L * 86400;
  const int result = real(clock, time);
  if (jumps && clock == CLOCK_REALTIME) {
    time->tv_sec += looks++ % 2 == 0 ? year : -60 * year;
  }
  return result;
}

extern "C" int setsockopt(int socket, int level, int option, const void* value, socklen_t length) {
  static const auto real = next<int (*)(int, int, int, const void*, socklen_t)>("setsockopt");
  static const bool is_small = std::getenv("MDEVADM_SMALL_BUFFER") != nullptr;
  const int smallest = 1;  // the kernel raises it to its minimum
  if (is_small && level == SOL_SOCKET && (option == SO_RCVBUFFORCE || option == SO_RCVBUF)) {
    return real(socket, level, SO_RCVBUF, &smallest, sizeof smallest);
  }
  return real(socket, level, option, value, length);
}
