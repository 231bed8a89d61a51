// Replacing a file so that whoever reads it, or finds it after a power cut, has the old content or the new
// one.
#pragma once

#include <mdevadm/sys/dir.hpp>
#include <string>
#include <string_view>

namespace mdevadm::sys {

// A temporary file in the folder of the one it is to become. Nothing is visible under the final name before
// commit(); the destructor removes what was not committed.
class [[nodiscard]] AtomicFile {
 public:
  // `folder` must outlive the object. An existing file's mode, owner and group carry over to the one that
  // replaces it.
  static Result<AtomicFile> create(const Dir& folder, const std::string& name, mode_t mode);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  Result<Done> write(std::string_view content);
  // fsync, rename, fsync of the folder.
  Result<Done> commit();

  // Whether a name is that of a temporary file of ours. One that is found while holding the lock under which
  // they are made was left by a process that died.
  static bool is_temporary(std::string_view name);

 private:
  AtomicFile(const Dir& folder, std::string name, std::string temporary, UniqueFd fd)
      : folder_(&folder), name_(std::move(name)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}

  const Dir* folder_;
  std::string name_;
  std::string temporary_;  // empty once committed or moved from
  UniqueFd fd_;
};

}  // namespace mdevadm::sys
