#include "paths.hpp"

#include <fmt/format.h>

namespace mdevadm {

std::string_view last_component(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string resolve_link(std::string_view folder, std::string_view target) {
  while (target.starts_with("../")) {
    target.remove_prefix(3);
    folder = folder_of(folder);
  }
  return folder.empty() ? std::string(target) : fmt::format("{}/{}", folder, target);
}

std::optional<std::string> link_name(const sys::Dir& folder, const std::string& name) {
  const sys::Result<std::string> target = folder.read_link(name);
  return target ? std::optional(std::string(last_component(*target))) : std::nullopt;
}

std::string group_node_path(std::uint64_t group) {
  return fmt::format("{}/{}", vfio_folder, group);
}

std::string cdev_node_path(const std::string& name) {
  return fmt::format("{}/devices/{}", vfio_folder, name);
}

std::optional<std::string> cdev_name(const sys::Dir& root, const std::string& device_path) {
  const sys::Result<sys::Dir> folder = root.open_dir(device_path + "/vfio-dev");
  const sys::Result<std::vector<sys::Entry>> entries =
      folder ? folder->entries() : sys::Result<std::vector<sys::Entry>>(folder.error());
  if (!entries || entries->empty()) {
    return std::nullopt;
  }
  return entries->front().name;
}

}  // namespace mdevadm
