#include "dialect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mdevadm/util/text.hpp>
#include <span>

#include "paths.hpp"

namespace mdevadm {

namespace {

// Buses that may have parents which are not in the kernel's list of parents.
constexpr std::array buses{"pci", "platform", "css"};
constexpr const char* virtual_folder = "sys/devices/virtual";
constexpr const char* bus_folder = "sys/bus/mdev";

std::optional<Place> place_at(const sys::Dir& root, const std::string& path, bool registered) {
  sys::Result<sys::Dir> folder = root.open_dir(path);
  return folder ? std::optional(Place{root, *std::move(folder), path, registered}) : std::nullopt;
}

// Returns the target of a link in a directory of links. In a copied tree a directory may replace the link.
std::optional<Place> follow(const sys::Dir& root, const std::string& links, const std::string& name,
                            bool registered) {
  const sys::Result<std::string> target = root.read_link(fmt::format("{}/{}", links, name));
  if (!target && target.error().number == EINVAL) {
    return place_at(root, fmt::format("{}/{}", links, name), registered);
  }
  return target ? place_at(root, resolve_link(links, *target), registered) : std::nullopt;
}

bool offers_types(const sys::Dir& folder) {
  return folder.exists("mdev_supported_types") || folder.exists("mdev-host");
}

std::vector<std::string> names_in(const sys::Dir& root, const std::string& path) {
  std::vector<std::string> names;
  const sys::Result<sys::Dir> folder = root.open_dir(path);
  const auto entries = folder ? folder->entries() : sys::Result<std::vector<sys::Entry>>(folder.error());
  if (entries) {
    std::transform(entries->begin(), entries->end(), std::back_inserter(names),
                   [](const sys::Entry& entry) { return entry.name; });
  }
  return names;
}

// Adds the devices of a bus, or of a driver without a bus, that offer types but are not registered as
// parents.
void add_unregistered(const sys::Dir& root, std::vector<std::pair<std::string, Place>>& into) {
  const auto known = [&](const std::string& name) {
    return std::any_of(into.begin(), into.end(), [&](const auto& one) { return one.first == name; });
  };
  for (const char* bus : buses) {
    const std::string links = fmt::format("sys/bus/{}/devices", bus);
    const sys::Result<sys::Dir> folder = root.open_dir(links);
    for (const std::string& name : folder ? names_in(root, links) : std::vector<std::string>{}) {
      const bool offers =
          folder->exists(name + "/mdev_supported_types") || folder->exists(name + "/mdev-host");
      if (offers && !known(name)) {
        if (auto place = follow(root, links, name, false)) {
          into.emplace_back(name, *std::move(place));
        }
      }
    }
  }
  for (const std::string& driver : names_in(root, virtual_folder)) {
    for (const std::string& name : names_in(root, fmt::format("{}/{}", virtual_folder, driver))) {
      auto place = place_at(root, fmt::format("{}/{}/{}", virtual_folder, driver, name), false);
      if (place && offers_types(place->folder) && !known(name)) {
        into.emplace_back(name, *std::move(place));
      }
    }
  }
}

}  // namespace

std::optional<Command> Dialect::switching(const Place&, const Device&, bool) const {
  return std::nullopt;
}

std::optional<bool> Dialect::is_online(const Place&, const Device&) const {
  return std::nullopt;
}

// While a removal is pending the link is already gone but the directory still exists; both must be gone.
bool Dialect::is_there(const sys::Dir& root, const Device& device) const {
  return root.exists(fmt::format("{}/{}", devices_folder, device.kernel_name())) || root.exists(device.path);
}

const Dialect* dialect_of(const Place& parent) {
  if (!parent.registered) {
    for (const Dialect* dialect : flat_dialects()) {
      if (dialect->speaks(parent)) {
        return dialect;
      }
    }
    for (const Dialect* dialect : {&forum_dialect(), &functions_dialect()}) {
      if (dialect->speaks(parent)) {
        return dialect;
      }
    }
  }
  return upstream_dialect().speaks(parent) ? &upstream_dialect() : nullptr;
}

std::optional<Place> find_parent(const sys::Dir& root, const std::string& name) {
  if (auto place = follow(root, parents_folder, name, true)) {
    return place;
  }
  for (const char* bus : buses) {
    if (auto place = follow(root, fmt::format("sys/bus/{}/devices", bus), name, false)) {
      return place;
    }
  }
  for (const std::string& driver : names_in(root, virtual_folder)) {
    auto place = place_at(root, fmt::format("{}/{}/{}", virtual_folder, driver, name), false);
    if (place && offers_types(place->folder)) {
      return place;
    }
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, Place>> find_parents(const sys::Dir& root) {
  std::vector<std::pair<std::string, Place>> result;
  const sys::Result<sys::Dir> registered = root.open_dir(parents_folder);
  if (!registered && !sys::is_absence(registered.error().number)) {
    sys::throw_error(registered.error(), "cannot look for parents of mediated devices");
  }
  if (registered) {
    for (const sys::Entry& entry :
         registered->entries().or_throw("cannot look for parents of mediated devices")) {
      if (auto place = follow(root, parents_folder, entry.name, true)) {
        result.emplace_back(entry.name, *std::move(place));
      }
    }
  }
  for (const std::string& name : function_parents(root)) {
    if (auto place = follow(root, "sys/bus/pci/devices", name, false)) {
      result.emplace_back(name, *std::move(place));
    }
  }
  if (root.exists(bus_folder)) {
    add_unregistered(root, result);
  }
  return result;
}

std::optional<std::string> read_optional(const sys::Dir& folder, const std::string& name) {
  sys::Result<std::string> value = folder.read_attribute(name);
  return value ? std::optional(*std::move(value)) : std::nullopt;
}

std::optional<std::uint64_t> read_number(const sys::Dir& folder, const std::string& name) {
  const std::optional<std::string> text = read_optional(folder, name);
  return text ? parse_decimal(*text) : std::nullopt;
}

}  // namespace mdevadm
