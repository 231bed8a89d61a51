#include "listed_devices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "paths.hpp"
#include "type_directories.hpp"

namespace mdevadm {

namespace {

// System calls for the links of a device, the types of a parent, and the devices of a type.
constexpr std::size_t calls_a_device = 2;
constexpr std::size_t calls_a_parent = 6;
constexpr std::size_t calls_a_type = 4;

// Adds the types of a parent, unless they cannot be listed: then its devices are found by their links.
void add_types(const std::string& path, const sys::Dir& parent,
               std::vector<ListedDevices::TypeDirectory>& into) {
  try {
    for (TypeName& type : type_directories(parent)) {
      into.push_back({path, std::move(type)});
    }
  } catch (const Error& error) {
    if (!sys::is_read_failure(error.number())) {
      throw;
    }
  }
}

}  // namespace

ListedDevices ListedDevices::read(const sys::Dir& root, std::size_t count) {
  ListedDevices result;
  if (calls_a_parent >= count * calls_a_device) {
    return result;
  }
  const sys::Result<sys::Dir> links = checked(root.open_dir(parents_directory));
  const auto parents = checked(sys::entries_of(links));
  if (!parents || parents->size() * calls_a_parent >= count * calls_a_device) {
    return result;
  }
  for (const sys::Entry& parent : *parents) {
    const sys::Result<std::string> target = checked(links->read_link(parent.name));
    const std::string path = target ? resolve_link(parents_directory, *target) : std::string{};
    const sys::Result<sys::Dir> directory = checked(root.open_dir(path));
    if (target && directory) {
      add_types(path, *directory, result.directories_);
    }
  }
  if (parents->size() * calls_a_parent + result.directories_.size() * calls_a_type >=
      count * calls_a_device) {
    return {};
  }
  result.devices_.reserve(count);
  for (std::size_t i = 0; i < result.directories_.size(); ++i) {
    const TypeDirectory& found = result.directories_[i];
    const std::string devices =
        fmt::format("{}/{}/{}/devices", found.directory, types_directory, found.type.str());
    std::ignore = root.names_in(devices, [&](std::string_view name) {
      if (const auto uuid = Uuid::parse(name)) {
        result.devices_.emplace_back(*uuid, i);
      }
    });
  }
  std::sort(result.devices_.begin(), result.devices_.end());
  return result;
}

const ListedDevices::TypeDirectory* ListedDevices::find(const Uuid& uuid) const {
  const auto found = std::lower_bound(devices_.begin(), devices_.end(), uuid,
                                      [](const auto& one, const Uuid& wanted) { return one.first < wanted; });
  return found != devices_.end() && found->first == uuid ? &directories_[found->second] : nullptr;
}

}  // namespace mdevadm
