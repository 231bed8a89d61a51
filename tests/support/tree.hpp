// Captured hosts in temporary folders.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace mdevadm::test {

// A folder that goes with the object.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const std::filesystem::path& path() const { return path_; }
  std::string str() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::string read_text(const std::filesystem::path& path);
// Makes the folders above, too.
void write_text(const std::filesystem::path& path, std::string_view text);

// Lays what tests/trees/README.md describes into `folder`.
void lay_tree(std::string_view text, const std::filesystem::path& folder);

// A temporary folder with tests/trees/NAME.tree in it.
class Host : public TempDir {
 public:
  explicit Host(const std::string& name);
};

}  // namespace mdevadm::test
