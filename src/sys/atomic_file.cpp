#include <mdevadm/sys/atomic_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace mdevadm::sys {

namespace {

constexpr std::string_view temporary_prefix = ".mdevadm-new-";

}  // namespace

Result<AtomicFile> AtomicFile::create(const Dir& directory, const std::string& name, mode_t mode) {
  const std::string temporary = fmt::format("{}{}-{}", temporary_prefix, ::getpid(), name);
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
    if (::fchown(file.fd_.get(), old.st_uid, old.st_gid) != 0 ||
        ::fchmod(file.fd_.get(), old.st_mode & 07777) != 0) {
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
  return directory_->sync();
}

bool AtomicFile::is_temporary(std::string_view name) {
  return name.starts_with(temporary_prefix);
}

}  // namespace mdevadm::sys
