// Atomic replacement of a file: a reader sees the old or the new content, also after a power failure.
#pragma once

#include <mdevadm/sys/dir.hpp>
#include <string>
#include <string_view>

namespace mdevadm::sys {

// A temporary file in the directory of the file that it is to replace. Nothing is visible under the final
// name before commit(); the destructor removes a file that was not committed.
class [[nodiscard]] AtomicFile {
 public:
  // Creates the temporary file. `directory` must outlive the object. If the target exists, the new file takes
  // over its mode, owner and group; otherwise it gets `mode`, less the umask.
  static Result<AtomicFile> create(const Dir& directory, const std::string& name, mode_t mode);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  // Sets the mode, whatever the umask and the mode of the file that is replaced.
  Result<Done> set_mode(mode_t mode);
  // Appends all of `content`.
  Result<Done> write(std::string_view content);
  // Runs fsync on the file, renames it, and runs fsync on the directory. On an error, the old file is
  // unchanged. A failure of the last step is not an error: the new file is there, and only a power failure
  // could undo that.
  Result<Done> commit();

  // Removes temporary files for this target that were left by processes that have died. For directories
  // without a lock.
  static void remove_left(const Dir& directory, const std::string& name);
  // Returns whether a name is that of a temporary file of this class. If one is found while the lock is held
  // under which they are created, and no other thread of this process creates one, it was left by a process
  // that died.
  static bool is_temporary(std::string_view name);

 private:
  AtomicFile(const Dir& directory, std::string name, std::string temporary, UniqueFd fd)
      : directory_(&directory),
        name_(std::move(name)),
        temporary_(std::move(temporary)),
        fd_(std::move(fd)) {}

  const Dir* directory_;
  std::string name_;
  std::string temporary_;  // empty after commit or move
  UniqueFd fd_;
};

}  // namespace mdevadm::sys
