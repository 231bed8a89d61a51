// Whether other users than root can change a file that is executed or obeyed with the privileges of root.
#pragma once

#include <sys/types.h>

#include <mdevadm/sys/dir.hpp>
#include <optional>
#include <string>

namespace mdevadm::sys {

// A file, or a directory on the path to it, that another user can change or replace.
struct Distrust {
  std::string path;
  bool is_foreign;  // another user owns it; otherwise group or others may write to it
  uid_t owner;
  mode_t mode;  // permissions only

  // Returns the reason, beginning with the quoted path.
  std::string reason() const;
  // Returns the command that removes the reason.
  std::string remedy() const;
};

// Examines a file, each directory on the path to it and each symbolic link on it. Returns the first that
// users can change who are not trusted: trusted are root, the effective user of this process and the owner of
// the directory "/". In a sticky directory such as /tmp, other users cannot replace files, so it may be
// writable by all. What does not exist is trusted: its use fails.
std::optional<Distrust> find_untrusted(const std::string& path);

// Examines only the file itself.
std::optional<Distrust> find_untrusted_file(const std::string& path);

// Examines only the directory itself, in which other users must not create files either.
std::optional<Distrust> find_untrusted_directory(const Dir& directory);

}  // namespace mdevadm::sys
