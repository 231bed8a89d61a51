#include "paths.hpp"

#include <fmt/format.h>

#include <tuple>

namespace mdevadm {

std::string_view last_component(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string_view directory_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string resolve_link(std::string_view directory, std::string_view target) {
  while (target.starts_with("../")) {
    target.remove_prefix(3);
    directory = directory_of(directory);
  }
  const bool leads_on = target.starts_with('/') || target.find("/../") != std::string_view::npos ||
                        target.ends_with("/..") || target == "..";
  if (leads_on) {
    return {};
  }
  return directory.empty() ? std::string(target) : fmt::format("{}/{}", directory, target);
}

std::optional<std::string> link_name(const sys::Dir& directory, const std::string& name) {
  const sys::Result<std::string> target = checked(directory.read_link(name));
  return target ? std::optional(std::string(last_component(*target))) : std::nullopt;
}

std::optional<std::uint64_t> inode_of_function(const sys::Dir& root, const std::string& address) {
  const sys::Result<std::uint64_t> number = root.inode("sys/bus/pci/devices/" + address);
  return number ? std::optional(*number) : std::nullopt;
}

std::string group_node_path(std::uint64_t group) {
  return fmt::format("{}/{}", vfio_directory, group);
}

std::string cdev_directory() {
  return fmt::format("{}/devices", vfio_directory);
}

std::string cdev_node_path(const std::string& name) {
  return fmt::format("{}/{}", cdev_directory(), name);
}

std::optional<std::string> cdev_name(const sys::Dir& directory, std::string_view device) {
  std::optional<std::string> result;
  std::ignore =
      directory.names_in(fmt::format("{}/vfio-dev", device), [&](std::string_view name) { result = name; });
  return result;
}

std::optional<dev_t> node_number(const sys::Dir& root, const std::string& path) {
  const sys::Result<sys::FileStatus> status = root.status(path);
  return status && S_ISCHR(status->mode) ? std::optional(status->device_number) : std::nullopt;
}

}  // namespace mdevadm
