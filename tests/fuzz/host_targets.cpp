// Targets: NVIDIA's table of types, and whole trees of sysfs. The input of the latter has the format of
// tests/trees/README.md; paths that lead out of the directory are not created.
#include <algorithm>
#include <array>
#include <filesystem>
#include <mdevadm/host/host.hpp>
#include <mdevadm/host/vgpu_table.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <string>
#include <tree.hpp>
#include <vector>

#include "target.hpp"

namespace mdevadm::fuzz {

namespace {

// Returns whether a line creates an entry below the directory. Links are created, wherever they lead, but
// nothing is created through them.
bool is_harmless(std::string_view line, const std::filesystem::path& directory) {
  const std::string_view path = line.substr(0, std::min(line.find(" = "), line.find(" -> ")));
  if (path.empty() || path.front() == '/' || path.size() > 512 || line.find('\0') != std::string_view::npos) {
    return false;
  }
  std::filesystem::path place = directory;
  for (const std::string_view name : split(path, '/')) {
    place /= name;
    std::error_code ignored;
    if (name == ".." || std::filesystem::is_symlink(place, ignored)) {
      return false;
    }
  }
  return true;
}

bool is_below_root(std::string_view path) {
  const std::vector<std::string_view> names = split(path, '/');
  return std::find(names.begin(), names.end(), "..") == names.end();
}

void tree(std::string_view input) {
  const test::TempDir directory;
  for (const std::string_view line : split(input, '\n')) {
    if (is_harmless(line, directory.path())) {
      try {
        test::lay_tree(std::string(line) + "\n", directory.path());
      } catch (const std::exception&) {  // it contradicts lines before it
      }
    }
  }
  try {
    const auto root = sys::Dir::open(directory.str());
    require(static_cast<bool>(root), "the directory exists");
    constexpr auto everything =
        static_cast<Facet>(~static_cast<std::uint32_t>(Facet::holders | Facet::busy | Facet::claims));
    const Host host(*root);
    const Snapshot seen = host.observe({everything, std::nullopt, std::nullopt});
    for (const Device& device : seen.devices) {
      require(is_component(device.kernel_name()), "a device has a safe name");
      require(is_below_root(device.path.str()), "a device is below the root");
    }
    for (const Parent& one : seen.parents) {
      require(is_below_root(one.path), "a parent is below the root");
    }
  } catch (const Error&) {
  }
}

void vgpu_table(std::string_view input) {
  try {
    static_cast<void>(VgpuTable::parse(input).types_of(0x26b9, 0x1851));
  } catch (const Error&) {
  }
}

}  // namespace

std::span<const Target> host_targets() {
  static const std::array targets{Target{"tree", tree}, Target{"vgpu-table", vgpu_table}};
  return targets;
}

}  // namespace mdevadm::fuzz
