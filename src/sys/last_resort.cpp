#include <mdevadm/sys/last_resort.hpp>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <system_error>
#include <tuple>

namespace mdevadm::sys {

namespace {

// Without an exception, the runtime library may have lacked the memory to make one.
bool lacks_memory() {
  const std::exception_ptr reason = std::current_exception();
  if (!reason) {
    constexpr std::size_t size_of_exception = 4096;
    void* const some = std::malloc(size_of_exception);
    std::free(some);
    return some == nullptr;
  }
  try {
    std::rethrow_exception(reason);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const std::system_error& error) {
    return error.code() == std::errc::not_enough_memory;
  } catch (...) {
    return false;
  }
}

[[noreturn]] void end_process() {
  if (!lacks_memory()) {
    std::abort();
  }
  std::array<char, 128> text{};
  constexpr const char* reason = ": error: out of memory\n";
  std::strncpy(text.data(), program_invocation_short_name, text.size() - std::strlen(reason) - 1);
  std::strcat(text.data(), reason);
  std::ignore = ::write(STDERR_FILENO, text.data(), std::strlen(text.data()));
  ::_exit(EXIT_FAILURE);
}

}  // namespace

void end_plainly_without_memory() {
  std::set_terminate(end_process);
}

}  // namespace mdevadm::sys
