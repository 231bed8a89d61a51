// An open directory and the file operations relative to it.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <functional>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::sys {

enum class EntryKind { file, directory, link, other };

struct Entry {
  std::string name;
  EntryKind kind;
};

struct FileStatus {
  mode_t mode;  // including the file type
  uid_t owner;
  gid_t group;
  dev_t device_number;  // st_rdev: the number of a device node
  off_t size;           // of a regular file
};

// Space for the target of a symbolic link.
using LinkTarget = std::array<char, 4096>;

// Reads a file, pipe or terminal until end of file.
Result<std::string> read_stream(const std::string& path);

// An open directory. Names are relative to it; `path()` is for messages only. Unless stated otherwise, a
// failed operation returns its errno with the path.
class [[nodiscard]] Dir {
 public:
  static Result<Dir> open(const std::string& path);
  // Opens the top of a system tree. No name below it leads out of it, unless it is "/": symbolic links,
  // including absolute ones, are resolved as if it were the root directory. This holds for the directories
  // that are opened below it, too.
  static Result<Dir> open_root(const std::string& path);

  const std::string& path() const noexcept { return path_; }
  // Returns whether this is the root directory of this host, not the top of another tree: programs of the
  // tree act on this host, and its users can change files.
  bool is_host() const noexcept { return !is_enclosed() && path_ == "/"; }
  int fd() const noexcept { return fd_.get(); }
  std::string path_of(std::string_view name) const;
  // Returns a path of the file that another program can use: path_of(), but below another root than "/" the
  // place to which the links of that tree lead inside it. The kernel would follow them out of it.
  Result<std::string> outer_path_of(const std::string& name) const;

  Result<Dir> open_dir(const std::string& name) const;
  // Opens the directory, creating it and its missing parent directories with mode 0755, whatever the
  // umask.
  Result<Dir> make_dirs(const std::string& name) const;

  // Returns all entries except "." and "..", in file system order.
  Result<std::vector<Entry>> entries() const;
  // Calls `use` with the name of each entry, as entries(), without allocating memory for them.
  Result<Done> each_name(const std::function<void(std::string_view name)>& use) const;
  // Likewise for the entries of the directory `name`: fewer system calls than open_dir() and each_name().
  Result<Done> names_in(const std::string& name, const std::function<void(std::string_view name)>& use) const;
  Result<std::string> read_link(const std::string& name) const;
  // Like read_link(); the result refers to `target`. Returns nullopt on every error.
  std::optional<std::string_view> read_link(const std::string& name, LinkTarget& target) const;
  bool exists(const std::string& name) const;
  Result<FileStatus> status(const std::string& name) const;
  // Returns the inode number of the file itself, also of a symbolic link.
  Result<std::uint64_t> inode(const std::string& name) const;

  // Reads a whole regular file of at most 64 MiB (otherwise EFBIG). Fails with `not_a_file` instead of
  // waiting for, or reading without end from, a device or FIFO in its place.
  Result<std::string> read_file(const std::string& name) const;
  // Reads a file that the kernel generates, such as those in /proc: it may return less than was asked for
  // long before the end.
  Result<std::string> read_kernel_file(const std::string& name) const;
  // Reads a sysfs attribute with one read(2) and removes the final newline. The kernel returns at most one
  // page.
  Result<std::string> read_attribute(const std::string& name) const;
  // Writes a sysfs attribute with one write(2) of the whole value through O_WRONLY, without O_CREAT and
  // O_TRUNC; a failure carries its errno. In sysfs O_CREAT would turn ENOENT into EACCES, and a second write
  // would be a second command.
  Result<Done> write_attribute(const std::string& name, std::string_view value) const;
  // Opens the file that write_attribute() writes. Fails with EXDEV if a symbolic link leaves this directory.
  Result<UniqueFd> open_attribute(const std::string& name) const;

  // Opens a device node for reading and writing, without blocking.
  Result<UniqueFd> open_node(const std::string& name) const;

  Result<Done> remove_file(const std::string& name) const;
  Result<Done> rename_file(const std::string& from, const std::string& to) const;
  Result<Done> set_owner(const std::string& name, std::optional<uid_t> owner,
                         std::optional<gid_t> group) const;
  // Sets the SELinux context of a file; the kernel must support SELinux.
  Result<Done> set_selinux_label(const std::string& name, const std::string& label) const;
  // Returns the SELinux context of a file.
  Result<std::string> selinux_label(const std::string& name) const;
  Result<Done> set_mode(const std::string& name, mode_t mode) const;
  // Fails if this process may not create files in this directory.
  Result<Done> require_writable() const;
  // Makes renames and removals in this directory durable (fsync).
  Result<Done> sync() const;

 private:
  // The top of the tree that names must not leave, and the path from there to this directory.
  struct Enclosure {
    std::shared_ptr<const UniqueFd> top{};  // null: "/"
    std::string below{};
  };

  Dir(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  bool is_enclosed() const noexcept { return enclosure_.top != nullptr; }
  // Opens a name for any purpose except creation; O_CLOEXEC is added.
  UniqueFd open_any(const std::string& name, int flags) const;
  bool stat_any(const std::string& name, int flags, struct stat& found) const;
  SysError error(std::string_view name) const;  // uses the current errno
  template <typename Use>
  Result<Done> each_entry(const std::string& name, const Use& use) const;  // calls use(const dirent64&)

  UniqueFd fd_;
  std::string path_;
  Enclosure enclosure_{};
};

// Returns the entries of a directory, or the error with which it could not be opened.
Result<std::vector<Entry>> entries_of(const Result<Dir>& directory);

}  // namespace mdevadm::sys
