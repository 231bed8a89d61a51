#include "tree.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <mdevadm/util/text.hpp>
#include <stdexcept>

namespace mdevadm::test {

namespace fs = std::filesystem;

namespace {

std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      result += text[i] == 'n' ? '\n' : text[i];
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace

TempDir::TempDir() {
  std::string name = (fs::temp_directory_path() / "mdevadm-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("cannot create a temporary directory");
  }
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw std::runtime_error("cannot read " + path.string());
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_text(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.flush()) {
    throw std::runtime_error("cannot write " + path.string());
  }
}

void lay_tree(std::string_view text, const fs::path& directory) {
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t arrow = line.find(" -> ");
    const std::size_t equals = line.find(" = ");
    if (line.empty() || line.front() == '#') {
      continue;
    }
    if (line.back() == '/') {
      fs::create_directories(directory / line);
    } else if (arrow != std::string_view::npos) {
      const fs::path path = directory / line.substr(0, arrow);
      fs::create_directories(path.parent_path());
      fs::create_symlink(line.substr(arrow + 4), path);
    } else if (equals != std::string_view::npos) {
      write_text(directory / line.substr(0, equals), unescaped(line.substr(equals + 3)));
    } else {
      throw std::runtime_error("invalid line in a tree: " + std::string(line));
    }
  }
}

Host::Host(const std::string& name) {
  lay_tree(read_text(fs::path(MDEVADM_TESTS) / "trees" / (name + ".tree")), path());
}

}  // namespace mdevadm::test
