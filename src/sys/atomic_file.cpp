#include <mdevadm/sys/atomic_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <tuple>

#include <mdevadm/util/text.hpp>

namespace mdevadm::sys {

namespace {

constexpr std::string_view temporary_prefix = ".mdevadm-new-";
// So that programs that read all files with the suffix of the target do not read it.
constexpr std::string_view temporary_suffix = ".tmp";
constexpr std::size_t longest_part = 200;  // of the target's name in the temporary one: NAME_MAX is 255

std::string temporary_name(pid_t pid, std::string_view name) {
  return fmt::format("{}{}-{}{}", temporary_prefix, pid, name.substr(0, longest_part), temporary_suffix);
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const Dir& directory, const std::string& name, mode_t mode) {
  const std::string temporary = temporary_name(::getpid(), name);
  const SysError at{0, directory.path_of(name)};
  // A file with this name was left by a dead process that had our process ID.
  ::unlinkat(directory.fd(), temporary.c_str(), 0);
  UniqueFd fd(::openat(directory.fd(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd) {
    return SysError{errno, at.path};
  }
  AtomicFile file(directory, name, temporary, std::move(fd));
  struct stat old {};
  if (::fstatat(directory.fd(), name.c_str(), &old, 0) == 0) {
    // A user other than root cannot give the file away, but may replace it in a directory of his own.
    const bool is_own =
        ::fchown(file.fd_.get(), old.st_uid, old.st_gid) == 0 || (errno == EPERM && ::geteuid() != 0);
    if (!is_own || ::fchmod(file.fd_.get(), old.st_mode & 07777) != 0) {
      return SysError{errno, at.path};
    }
  }
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : directory_(other.directory_),
      name_(std::move(other.name_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) {
    ::unlinkat(directory_->fd(), temporary_.c_str(), 0);
  }
}

Result<Done> AtomicFile::set_mode(mode_t mode) {
  if (::fchmod(fd_.get(), mode) != 0) {
    return SysError{errno, directory_->path_of(name_)};
  }
  return Done{};
}

Result<Done> AtomicFile::write(std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd_.get(), content.data(), content.size());
    if (written < 0 && errno != EINTR) {
      return SysError{errno, directory_->path_of(name_)};
    }
    content.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  return Done{};
}

Result<Done> AtomicFile::commit() {
  if (::fsync(fd_.get()) != 0 && errno != EINVAL) {
    return SysError{errno, directory_->path_of(name_)};
  }
  if (::renameat(directory_->fd(), temporary_.c_str(), directory_->fd(), name_.c_str()) != 0) {
    return SysError{errno, directory_->path_of(name_)};
  }
  temporary_.clear();
  std::ignore = directory_->sync();
  return Done{};
}

void AtomicFile::remove_left(const Dir& directory, const std::string& name) {
  std::ignore = directory.each_name([&](std::string_view left) {
    const std::string_view end =
        is_temporary(left) ? left.substr(temporary_prefix.size()) : std::string_view{};
    const auto pid = parse_decimal(end.substr(0, end.find('-')));
    if (pid && *pid <= std::uint64_t{INT_MAX} && left == temporary_name(static_cast<pid_t>(*pid), name) &&
        ::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH) {
      ::unlinkat(directory.fd(), std::string(left).c_str(), 0);
    }
  });
}

bool AtomicFile::is_temporary(std::string_view name) {
  return name.starts_with(temporary_prefix);
}

}  // namespace mdevadm::sys
