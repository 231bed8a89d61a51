#include <mdevadm/sys/dir.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <mdevadm/util/text.hpp>

namespace mdevadm::sys {

namespace {

constexpr std::size_t page = 4096;

// Calls openat2(2) with restrictions on path resolution; falls back to openat(2) without them if the kernel
// (before 5.6) or a sandbox does not provide openat2(2).
UniqueFd open_restricted(int directory, const std::string& name, std::uint64_t flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = flags;
  how.resolve = resolve;
  const long fd = ::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how);
  if (fd < 0 && errno == ENOSYS) {
    return UniqueFd(::openat(directory, name.c_str(), static_cast<int>(flags)));
  }
  return UniqueFd(static_cast<int>(fd));
}

EntryKind kind_of(unsigned char type) {
  switch (type) {
    case DT_REG: return EntryKind::file;
    case DT_DIR: return EntryKind::directory;
    case DT_LNK: return EntryKind::link;
    default: return EntryKind::other;
  }
}

// Some file systems do not report the type of an entry (XFS without ftype, FUSE, 9p); it then takes an
// fstatat.
EntryKind kind_of(int directory, const dirent& entry) {
  struct stat found {};
  const bool is_known = entry.d_type != DT_UNKNOWN;
  return is_known || ::fstatat(directory, entry.d_name, &found, AT_SYMLINK_NOFOLLOW) != 0
             ? kind_of(entry.d_type)
             : kind_of(static_cast<unsigned char>(IFTODT(found.st_mode)));
}

enum class Source { regular_file, stream };

// Reads until end of file; returns false with errno set on error.
bool read_fully(int fd, Source source, std::string& content) {
  std::array<char, page> part;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
  while (true) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return false;
    }
    content.append(part.data(), static_cast<std::size_t>(got));
    // A short read from a regular file means end of file: saves the read that would return 0.
    if (got == 0 || (source == Source::regular_file && static_cast<std::size_t>(got) < part.size())) {
      return true;
    }
  }
}

}  // namespace

Result<std::string> read_stream(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content;
  if (!fd || !read_fully(fd.get(), Source::stream, content)) {
    return SysError{errno, path};
  }
  return content;
}

SysError Dir::error(std::string_view name) const {
  return SysError{errno, path_of(name)};
}

std::string Dir::path_of(std::string_view name) const {
  if (name.empty() || name == ".") {
    return path_;
  }
  std::string path = path_;
  if (path.empty() || path.back() != '/') {
    path += '/';
  }
  return path.append(name);
}

Result<Dir> Dir::open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    return SysError{errno, path};
  }
  return Dir(std::move(fd), path);
}

Result<Dir> Dir::open_dir(const std::string& name) const {
  return open_dir_how(name, 0);
}

Result<Dir> Dir::open_dir_as_root(const std::string& name) const {
  return open_dir_how(name, path_ == "/" ? 0 : RESOLVE_IN_ROOT);
}

Result<Dir> Dir::open_dir_how(const std::string& name, std::uint64_t resolve) const {
  UniqueFd fd = open_restricted(fd_.get(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, resolve);
  if (!fd) {
    return error(name);
  }
  return Dir(std::move(fd), path_of(name));
}

Result<Dir> Dir::make_dirs(const std::string& name) const {
  Result<Dir> there = open_dir_as_root(name);
  if (there || there.error().number != ENOENT) {
    return there;
  }
  const std::size_t slash = name.rfind('/');
  const std::string last = slash == std::string::npos ? name : name.substr(slash + 1);
  Result<Dir> above = slash == std::string::npos ? open_dir(".") : make_dirs(name.substr(0, slash));
  if (!above) {
    return above;
  }
  if (::mkdirat(above->fd(), last.c_str(), 0755) != 0 && errno != EEXIST) {
    return error(name);
  }
  if (Result<Done> synced = above->sync(); !synced) {
    return synced.error();
  }
  return open_dir_as_root(name);
}

Result<std::vector<Entry>> Dir::entries() const {
  // A second descriptor, because closedir() closes the one it is given and each listing must start at the
  // beginning.
  const int copy = ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) {
    return error(".");
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
  std::vector<Entry> result;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      result.push_back({std::string(name), kind_of(fd_.get(), *entry)});
    }
    errno = 0;
  }
  if (errno != 0) {
    return error(".");
  }
  return result;
}

Result<std::string> Dir::read_link(const std::string& name) const {
  std::array<char, page> target;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
  const ssize_t length = ::readlinkat(fd_.get(), name.c_str(), target.data(), target.size());
  if (length < 0) {
    return error(name);
  }
  return std::string(target.data(), static_cast<std::size_t>(length));
}

bool Dir::exists(const std::string& name) const {
  return ::faccessat(fd_.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<FileStatus> Dir::status(const std::string& name) const {
  struct stat found {};
  if (::fstatat(fd_.get(), name.c_str(), &found, 0) != 0) {
    return error(name);
  }
  return FileStatus{found.st_mode, found.st_uid, found.st_gid, found.st_rdev, found.st_size};
}

Result<std::string> Dir::read_file(const std::string& name) const {
  const UniqueFd fd(::openat(fd_.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content;
  if (!fd || !read_fully(fd.get(), Source::regular_file, content)) {
    return error(name);
  }
  return content;
}

Result<std::string> Dir::read_attribute(const std::string& name) const {
  const UniqueFd fd(::openat(fd_.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, page> value;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
  const ssize_t length = fd ? ::read(fd.get(), value.data(), value.size()) : -1;
  if (length < 0) {
    return error(name);
  }
  std::string_view text(value.data(), static_cast<std::size_t>(length));
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  return std::string(text);
}

Result<UniqueFd> Dir::open_attribute(const std::string& name) const {
  UniqueFd fd =
      open_restricted(fd_.get(), name, O_WRONLY | O_CLOEXEC, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
  if (!fd) {
    return error(name);
  }
  return fd;
}

Result<Done> Dir::write_attribute(const std::string& name, std::string_view value) const {
  Result<UniqueFd> fd = open_attribute(name);
  if (!fd) {
    return fd.error();
  }
  const ssize_t written = ::write(fd->get(), value.data(), value.size());
  if (written < 0) {
    return error(name);
  }
  // After a partial write the driver has acted on a truncated value: report that as an error.
  if (static_cast<std::size_t>(written) != value.size()) {
    return SysError{EIO, path_of(name)};
  }
  return Done{};
}

Result<UniqueFd> Dir::open_node(const std::string& name) const {
  UniqueFd fd(::openat(fd_.get(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) {
    return error(name);
  }
  return fd;
}

Result<Done> Dir::rename_file(const std::string& from, const std::string& to) const {
  if (::renameat(fd(), from.c_str(), fd(), to.c_str()) != 0) {
    return error(from);
  }
  return Done{};
}

Result<Done> Dir::remove_file(const std::string& name) const {
  if (::unlinkat(fd_.get(), name.c_str(), 0) != 0) {
    return error(name);
  }
  return Done{};
}

Result<Done> Dir::set_owner(const std::string& name, std::optional<uid_t> owner,
                            std::optional<gid_t> group) const {
  constexpr auto unchanged = static_cast<uid_t>(-1);
  if (::fchownat(fd_.get(), name.c_str(), owner.value_or(unchanged), group.value_or(unchanged), 0) != 0) {
    return error(name);
  }
  return Done{};
}

Result<Done> Dir::set_selinux_label(const std::string& name, const std::string& label) const {
  // The value includes the terminating NUL byte, as with libselinux.
  const std::string path = fmt::format("/proc/self/fd/{}/{}", fd_.get(), name);
  if (::setxattr(path.c_str(), "security.selinux", label.c_str(), label.size() + 1, 0) != 0) {
    return error(name);
  }
  return Done{};
}

Result<Done> Dir::set_mode(const std::string& name, mode_t mode) const {
  if (::fchmodat(fd_.get(), name.c_str(), mode, 0) != 0) {
    return error(name);
  }
  return Done{};
}

Result<Done> Dir::sync() const {
  // EINVAL: the file system does not support fsync on a directory (9p, some FUSE file systems).
  if (::fsync(fd_.get()) != 0 && errno != EINVAL) {
    return error(".");
  }
  return Done{};
}

}  // namespace mdevadm::sys
