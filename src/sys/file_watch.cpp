#include <mdevadm/sys/file_watch.hpp>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <tuple>

namespace mdevadm::sys {

Result<FileWatch> FileWatch::open() {
  UniqueFd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd) {
    return SysError{errno, "inotify"};
  }
  return FileWatch(std::move(fd));
}

Result<int> FileWatch::add(const std::string& path, std::uint32_t mask) const {
  const int watch = ::inotify_add_watch(fd_.get(), path.c_str(), mask);
  if (watch < 0) {
    return SysError{errno, path};
  }
  return watch;
}

void FileWatch::remove(int watch) const {
  std::ignore = ::inotify_rm_watch(fd_.get(), watch);
}

Result<std::vector<FileChange>> FileWatch::read() const {
  std::vector<FileChange> changes;
  std::array<char, 65536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
  for (;;) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return got == 0 || errno == EAGAIN ? Result<std::vector<FileChange>>(std::move(changes))
                                         : SysError{errno, "inotify"};
    }
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      changes.push_back({event.wd, event.mask, event.len > 0 ? std::string(name) : std::string{}});
      at += sizeof event + event.len;
    }
  }
}

}  // namespace mdevadm::sys
