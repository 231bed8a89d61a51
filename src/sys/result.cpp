#include <mdevadm/sys/result.hpp>

#include <cerrno>
#include <cstring>

namespace mdevadm::sys {

std::string errno_text(int number) {
  if (number == not_a_file) {
    return "not a regular file";
  }
  const char* text = ::strerrordesc_np(number);
  return text != nullptr ? text : fmt::format("Unknown error {}", number);
}

std::string errno_hint(int number) {
  switch (number) {
    case EROFS: return "the file system is mounted read-only";
    case ENOSPC:
    case EDQUOT: return "free space on the file system";
    default: return {};
  }
}

bool is_absence(int number) {
  return number == ENOENT || number == ENOTDIR || number == ENODEV;
}

void throw_error(const SysError& error, const std::string& doing) {
  throw Error(ExitCode::failed, fmt::format("{}: {}", doing, errno_text(error.number)),
              errno_hint(error.number))
      .caused_by(error.number);
}

}  // namespace mdevadm::sys
