// Captured hosts in temporary directories.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace mdevadm::test {

// A temporary directory, removed with the object.
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
// Creates missing parent directories.
void write_text(const std::filesystem::path& path, std::string_view text);

// Extracts a tree in the format of tests/trees/README.md into the directory `directory`.
void lay_tree(std::string_view text, const std::filesystem::path& directory);

// A temporary directory that contains tests/trees/NAME.tree.
class Host : public TempDir {
 public:
  explicit Host(const std::string& name);
};

}  // namespace mdevadm::test
