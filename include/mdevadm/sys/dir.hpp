// A folder held open, and everything done relative to it.
#pragma once

#include <sys/types.h>

#include <mdevadm/sys/result.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::sys {

enum class EntryKind { file, folder, link, other };

struct Entry {
  std::string name;
  EntryKind kind;
};

struct FileStatus {
  mode_t mode;  // with the file type
  uid_t owner;
  gid_t group;
  dev_t device_number;  // st_rdev: what a device node stands for
};

// All that a file, pipe or terminal gives until it ends.
Result<std::string> read_stream(const std::string& path);

// An open folder. Names are relative to it; `path()` is for messages only.
class [[nodiscard]] Dir {
 public:
  static Result<Dir> open(const std::string& path);

  const std::string& path() const noexcept { return path_; }
  int fd() const noexcept { return fd_.get(); }
  std::string path_of(std::string_view name) const;

  Result<Dir> open_dir(const std::string& name) const;
  // As open_dir, but symbolic links, absolute ones too, are resolved as if this folder were the root. For
  // --root DIR.
  Result<Dir> open_dir_as_root(const std::string& name) const;
  // Opens the folder, making it and those above it if they are missing (mode 0755).
  Result<Dir> make_dirs(const std::string& name) const;

  // Everything but "." and "..", in the order of the file system.
  Result<std::vector<Entry>> entries() const;
  Result<std::string> read_link(const std::string& name) const;
  bool exists(const std::string& name) const;
  Result<FileStatus> status(const std::string& name) const;

  // A whole file.
  Result<std::string> read_file(const std::string& name) const;
  // A sysfs attribute: one read(2), the final newline trimmed. The kernel gives at most one page.
  Result<std::string> read_attribute(const std::string& name) const;
  // A sysfs attribute: one write(2) of the whole value through O_WRONLY without O_CREAT or O_TRUNC. Its errno
  // is the answer: O_CREAT would turn ENOENT into EACCES there, a second write would be a second command.
  Result<Done> write_attribute(const std::string& name, std::string_view value) const;
  // The file that write_attribute writes, opened. Symbolic links that leave this folder are refused with
  // EXDEV.
  Result<UniqueFd> open_attribute(const std::string& name) const;

  // Opens a device node for reading and writing.
  Result<UniqueFd> open_node(const std::string& name) const;

  Result<Done> remove_file(const std::string& name) const;
  Result<Done> rename_file(const std::string& from, const std::string& to) const;
  Result<Done> set_owner(const std::string& name, std::optional<uid_t> owner,
                         std::optional<gid_t> group) const;
  // The security context of a file, on a kernel that has SELinux.
  Result<Done> set_selinux_label(const std::string& name, const std::string& label) const;
  Result<Done> set_mode(const std::string& name, mode_t mode) const;
  // Makes what was renamed or removed here last through a power cut.
  Result<Done> sync() const;

 private:
  Dir(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  SysError error(std::string_view name) const;  // with the current errno
  Result<Dir> open_dir_how(const std::string& name, std::uint64_t resolve) const;

  UniqueFd fd_;
  std::string path_;
};

}  // namespace mdevadm::sys
