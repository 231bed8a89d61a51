#include <mdevadm/sys/dir.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <mdevadm/util/text.hpp>

namespace mdevadm::sys {

namespace {

constexpr std::size_t page = 4096;

std::string text_of_link(int link) {
  LinkTarget target;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
  const ssize_t length = ::readlinkat(link, "", target.data(), target.size());
  return {target.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

std::string path_of_descriptor(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
}

// Opens a name as openat2(2) does with RESOLVE_IN_ROOT: one component after the other, links by their text.
UniqueFd open_by_steps(int top, std::string left, int flags) {
  constexpr int most_links = 40;  // as in the kernel
  if (left.empty()) {
    errno = ENOENT;
    return {};
  }
  std::vector<UniqueFd> above;
  const auto here = [&] { return above.empty() ? top : above.back().get(); };
  for (int links = 0; !left.empty();) {
    const std::size_t slash = left.find('/');
    const std::string name = left.substr(0, slash);
    left = slash == std::string::npos ? "" : left.substr(slash + 1);
    if (name == "..") {
      above.resize(above.size() - std::min<std::size_t>(above.size(), 1));
    }
    if (name.empty() || name == "." || name == "..") {
      continue;
    }
    UniqueFd next(::openat(here(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat found {};
    if (!next || ::fstat(next.get(), &found) != 0) {
      return {};
    }
    if (!S_ISLNK(found.st_mode) || (left.empty() && (flags & O_NOFOLLOW) != 0)) {
      above.push_back(std::move(next));
      continue;
    }
    const std::string target = text_of_link(next.get());
    if (target.starts_with('/')) {
      above.clear();
    }
    left = target + "/" + left;
    if (++links > most_links) {
      errno = ELOOP;
      return {};
    }
  }
  if (above.empty() || (flags & O_PATH) == 0) {
    const std::string path = above.empty() ? "." : path_of_descriptor(here());
    return UniqueFd(::openat(top, path.c_str(), flags & ~O_NOFOLLOW));
  }
  return std::move(above.back());
}

// Calls openat2(2) with restrictions on path resolution. The kernel (before 5.6) or a sandbox may not provide
// it.
UniqueFd open_restricted(int directory, const std::string& name, int flags, std::uint64_t resolve) {
  constexpr int most_races = 16;  // EAGAIN: a rename elsewhere during the resolution
  open_how how{};
  how.flags = static_cast<unsigned>(flags);
  how.resolve = resolve;
  long fd = -1;
  for (int i = 0; fd < 0 && i < most_races; ++i) {
    fd = ::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how);
    if (fd < 0 && errno != EAGAIN) {
      break;
    }
  }
  if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
    return resolve == 0 ? UniqueFd(::openat(directory, name.c_str(), flags))
                        : open_by_steps(directory, name, flags);
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
EntryKind kind_of(int directory, const dirent64& entry) {
  struct stat found {};
  const bool is_known = entry.d_type != DT_UNKNOWN;
  return is_known || ::fstatat(directory, entry.d_name, &found, AT_SYMLINK_NOFOLLOW) != 0
             ? kind_of(entry.d_type)
             : kind_of(static_cast<unsigned char>(IFTODT(found.st_mode)));
}

enum class Source { regular_file, stream };

// Of files that administrators write, and of the output of scripts; a link to /dev/zero has no end.
constexpr std::size_t largest_file = std::size_t{64} << 20;

bool is_file(int fd) {
  struct stat found {};
  return ::fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

// Reads until end of file; returns false with errno set on error: EFBIG beyond largest_file.
bool read_fully(int fd, Source source, std::string& content) {
  std::array<char, page> part;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
  while (true) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    // A file shorter than a page need not be examined: what has no end fills the page.
    const bool is_doubtful = got == 0 || (got < 0 && errno == EAGAIN) || got == page;
    if (source == Source::regular_file && content.empty() && is_doubtful && !is_file(fd)) {
      errno = not_a_file;
      return false;
    }
    if (got < 0) {
      return false;
    }
    content.append(part.data(), static_cast<std::size_t>(got));
    // A short read from a regular file means end of file: saves the read that would return 0.
    if (got == 0 || (source == Source::regular_file && static_cast<std::size_t>(got) < part.size())) {
      return true;
    }
    if (content.size() > largest_file) {
      errno = EFBIG;
      return false;
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
  std::string path;
  path.reserve(path_.size() + 1 + name.size());
  path = path_;
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

Result<Dir> Dir::open_root(const std::string& path) {
  Result<Dir> dir = open(path);
  if (dir && path != "/") {
    UniqueFd top(::openat(dir->fd(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!top) {
      return SysError{errno, path};
    }
    dir->enclosure_.top = std::make_shared<const UniqueFd>(std::move(top));
  }
  return dir;
}

UniqueFd Dir::open_any(const std::string& name, int flags) const {
  flags |= O_CLOEXEC;
  if (!is_enclosed()) {
    return UniqueFd(::openat(fd_.get(), name.c_str(), flags));
  }
  const std::string& below = enclosure_.below;
  const std::string path = below.empty() || name.empty() ? name : fmt::format("{}/{}", below, name);
  return open_restricted(enclosure_.top->get(), path, flags, RESOLVE_IN_ROOT);
}

Result<Dir> Dir::open_dir(const std::string& name) const {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  UniqueFd fd = is_enclosed() ? open_any(name, flags) : open_restricted(fd_.get(), name, flags, 0);
  if (!fd) {
    return error(name);
  }
  Dir dir(std::move(fd), path_of(name));
  if (is_enclosed()) {
    const std::string& below = enclosure_.below;
    dir.enclosure_ = {enclosure_.top, below.empty() ? name : fmt::format("{}/{}", below, name)};
  }
  return dir;
}

Result<Dir> Dir::make_dirs(const std::string& name) const {
  Result<Dir> there = open_dir(name);
  if (there || there.error().number != ENOENT) {
    return there;
  }
  const std::size_t slash = name.rfind('/');
  const std::string last = slash == std::string::npos ? name : name.substr(slash + 1);
  Result<Dir> above = slash == std::string::npos ? open_dir(".") : make_dirs(name.substr(0, slash));
  if (!above) {
    return above;
  }
  if (::mkdirat(above->fd(), last.c_str(), 0755) == 0) {
    if (Result<Done> readable = above->set_mode(last, 0755); !readable) {
      return readable.error();
    }
  } else if (errno != EEXIST) {
    return error(name);
  }
  if (Result<Done> synced = above->sync(); !synced) {
    return synced.error();
  }
  return open_dir(name);
}

template <typename Use>
Result<Done> Dir::each_entry(const std::string& name, const Use& use) const {
  // A descriptor of its own, because each listing must start at the beginning, also beside another one.
  const UniqueFd directory = open_any(name, O_RDONLY | O_DIRECTORY);
  if (!directory) {
    return error(name);
  }
  // Not readdir(3), which takes three system calls more for each directory.
  constexpr std::size_t size = 32768;
  alignas(dirent64) std::array<char, size>
      part;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
  while (true) {
    const ssize_t got = ::getdents64(directory.get(), part.data(), part.size());
    if (got < 0) {
      return error(name);
    }
    if (got == 0) {
      return Done{};
    }
    for (ssize_t at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(part.data() + at);
      at += entry->d_reclen;
      const std::string_view entry_name = entry->d_name;
      if (entry_name != "." && entry_name != "..") {
        use(*entry);
      }
    }
  }
}

Result<std::vector<Entry>> Dir::entries() const {
  std::vector<Entry> result;
  const Result<Done> read = each_entry(".", [&](const dirent64& entry) {
    result.push_back({entry.d_name, kind_of(fd_.get(), entry)});
  });
  return read ? Result<std::vector<Entry>>(std::move(result)) : read.error();
}

Result<Done> Dir::each_name(const std::function<void(std::string_view name)>& use) const {
  return names_in(".", use);
}

Result<Done> Dir::names_in(const std::string& name,
                           const std::function<void(std::string_view name)>& use) const {
  return each_entry(name, [&](const dirent64& entry) { use(entry.d_name); });
}

std::optional<std::string_view> Dir::read_link(const std::string& name, LinkTarget& target) const {
  const UniqueFd link = is_enclosed() ? open_any(name, O_PATH | O_NOFOLLOW) : UniqueFd();
  if (is_enclosed() && !link) {
    return std::nullopt;
  }
  ssize_t length = link ? ::readlinkat(link.get(), "", target.data(), target.size())
                        : ::readlinkat(fd_.get(), name.c_str(), target.data(), target.size());
  if (length < 0 && link && errno == ENOENT) {
    errno = EINVAL;  // the answer for the descriptor of another file than a link
  }
  return length < 0 ? std::nullopt
                    : std::optional(std::string_view(target.data(), static_cast<std::size_t>(length)));
}

Result<std::string> Dir::read_link(const std::string& name) const {
  LinkTarget target;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
  const auto text = read_link(name, target);
  return text ? Result<std::string>(std::string(*text)) : error(name);
}

Result<std::string> Dir::outer_path_of(const std::string& name) const {
  if (!is_enclosed()) {
    return path_of(name);
  }
  const UniqueFd file = open_any(name, O_PATH);
  struct stat inside {
  }, outside{};
  if (!file || ::fstat(file.get(), &inside) != 0) {
    return error(name);
  }
  const std::string path = path_of(name);
  if (::stat(path.c_str(), &outside) == 0 && outside.st_dev == inside.st_dev &&
      outside.st_ino == inside.st_ino) {
    return path;
  }
  const Result<Dir> own = open("/proc/self/fd");
  return own ? own->read_link(fmt::format("{}", file.get())) : Result<std::string>(own.error());
}

bool Dir::exists(const std::string& name) const {
  if (is_enclosed()) {
    return static_cast<bool>(open_any(name, O_PATH | O_NOFOLLOW));
  }
  return ::faccessat(fd_.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool Dir::stat_any(const std::string& name, int flags, struct stat& found) const {
  if (!is_enclosed()) {
    return ::fstatat(fd_.get(), name.c_str(), &found, flags) == 0;
  }
  const UniqueFd file = open_any(name, O_PATH | (flags == AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0));
  return file && ::fstat(file.get(), &found) == 0;
}

Result<FileStatus> Dir::status(const std::string& name) const {
  struct stat found {};
  if (!stat_any(name, 0, found)) {
    return error(name);
  }
  return FileStatus{found.st_mode, found.st_uid, found.st_gid, found.st_rdev, found.st_size};
}

Result<std::uint64_t> Dir::inode(const std::string& name) const {
  struct stat found {};
  if (!stat_any(name, AT_SYMLINK_NOFOLLOW, found)) {
    return error(name);
  }
  return std::uint64_t{found.st_ino};
}

Result<std::string> Dir::read_file(const std::string& name) const {
  // A FIFO in the place of a file must not block; for files, O_NONBLOCK has no effect.
  const UniqueFd fd = open_any(name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  std::string content;
  if (!fd || !read_fully(fd.get(), Source::regular_file, content)) {
    return error(name);
  }
  return content;
}

Result<std::string> Dir::read_kernel_file(const std::string& name) const {
  const UniqueFd fd = open_any(name, O_RDONLY | (is_enclosed() ? O_NONBLOCK | O_NOCTTY : 0));
  std::string content;
  if (!fd || !read_fully(fd.get(), Source::stream, content)) {
    return error(name);
  }
  return content;
}

Result<std::string> Dir::read_attribute(const std::string& name) const {
  // In a tree that is not the kernel's, a FIFO can be in the place of an attribute.
  const UniqueFd fd = open_any(name, O_RDONLY | (is_enclosed() ? O_NONBLOCK | O_NOCTTY : 0));
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
  const int flags = O_WRONLY | O_CLOEXEC | (is_enclosed() ? O_NONBLOCK | O_NOCTTY : 0);
  UniqueFd fd = open_restricted(fd_.get(), name, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
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
  UniqueFd fd = open_any(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
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
  const UniqueFd file = is_enclosed() ? open_any(name, O_PATH) : UniqueFd();
  if (is_enclosed() && !file) {
    return error(name);
  }
  if (::fchownat(file ? file.get() : fd_.get(), file ? "" : name.c_str(), owner.value_or(unchanged),
                 group.value_or(unchanged), file ? AT_EMPTY_PATH : 0) != 0) {
    return error(name);
  }
  return Done{};
}

Result<Done> Dir::set_selinux_label(const std::string& name, const std::string& label) const {
  const UniqueFd file = open_any(name, O_PATH);
  if (!file) {
    return error(name);
  }
  // The value includes the terminating NUL byte, as with libselinux.
  const std::string path = path_of_descriptor(file.get());
  if (::setxattr(path.c_str(), "security.selinux", label.c_str(), label.size() + 1, 0) != 0) {
    return error(name);
  }
  return Done{};
}

Result<std::string> Dir::selinux_label(const std::string& name) const {
  const UniqueFd file = open_any(name, O_PATH);
  if (!file) {
    return error(name);
  }
  const std::string path = path_of_descriptor(file.get());
  std::array<char, 4096> buffer{};
  const ssize_t size = ::getxattr(path.c_str(), "security.selinux", buffer.data(), buffer.size());
  if (size < 0) {
    return error(name);
  }
  std::string label(buffer.data(), static_cast<std::size_t>(size));
  return label.substr(0, label.find('\0'));
}

Result<Done> Dir::set_mode(const std::string& name, mode_t mode) const {
  const UniqueFd file = is_enclosed() ? open_any(name, O_PATH) : UniqueFd();
  if (is_enclosed() && !file) {
    return error(name);
  }
  if (file ? ::chmod(path_of_descriptor(file.get()).c_str(), mode) != 0
           : ::fchmodat(fd_.get(), name.c_str(), mode, 0) != 0) {
    return error(name);
  }
  return Done{};
}

Result<Done> Dir::require_writable() const {
  if (::faccessat(fd_.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    return error(".");
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

Result<std::vector<Entry>> entries_of(const Result<Dir>& directory) {
  return directory ? directory->entries() : Result<std::vector<Entry>>(directory.error());
}

}  // namespace mdevadm::sys
