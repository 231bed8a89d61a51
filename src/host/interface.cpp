#include "interface.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <mdevadm/util/text.hpp>
#include <set>
#include <span>

#include "paths.hpp"

namespace mdevadm {

namespace {

// Buses that may have parents which are not in the kernel's list of parents.
constexpr std::array buses{"pci", "platform", "css"};
constexpr const char* virtual_directory = "sys/devices/virtual";
constexpr std::string_view vfio_groups = "vfio";  // a directory for each device with a VFIO group
constexpr const char* bus_directory = "sys/bus/mdev";
constexpr const char* cannot_list_parents = "cannot list parents in";

std::optional<SysfsParent> parent_at(const sys::Dir& root, const std::string& path, bool registered) {
  sys::Result<sys::Dir> directory = answered(root.open_dir(path));
  return directory ? std::optional(SysfsParent{root, *std::move(directory), path, registered, std::nullopt})
                   : std::nullopt;
}

// Returns the target of a link in a directory of links. In a copied tree a directory may replace the link.
std::optional<SysfsParent> follow(const sys::Dir& root, const std::string& links, const std::string& name,
                                  bool registered) {
  const sys::Result<std::string> target = answered(root.read_link(fmt::format("{}/{}", links, name)));
  if (!target && target.error().number == EINVAL) {
    return parent_at(root, fmt::format("{}/{}", links, name), registered);
  }
  return target ? parent_at(root, resolve_link(links, *target), registered) : std::nullopt;
}

bool offers_types(const sys::Dir& directory) {
  return directory.exists("mdev_supported_types") || directory.exists("mdev-host");
}

std::vector<std::string> names_in(const sys::Dir& root, const std::string& path) {
  std::vector<std::string> names;
  const sys::Result<sys::Dir> directory = answered(root.open_dir(path), cannot_list_parents);
  const auto entries = answered(sys::entries_of(directory), cannot_list_parents);
  if (entries) {
    std::transform(entries->begin(), entries->end(), std::back_inserter(names),
                   [](const sys::Entry& entry) { return entry.name; });
  }
  return names;
}

// Adds a GPU, unless it has been added. The links to its VFs are read if they are not given.
void add_gpu(const sys::Dir& root, const std::string& name, std::optional<std::vector<std::string>> links,
             std::vector<std::pair<std::string, SysfsParent>>& into) {
  if (std::any_of(into.begin(), into.end(), [&](const auto& one) { return one.first == name; })) {
    return;
  }
  if (auto sysfs = follow(root, "sys/bus/pci/devices", name, false)) {
    sysfs->function_links = links ? std::move(links) : function_links(sysfs->directory);
    into.emplace_back(name, *std::move(sysfs));
  }
}

// Adds a parent or, if it is a virtual function, its GPU.
void add_parent(const sys::Dir& root, const std::string& name, std::optional<SysfsParent> sysfs, bool is_raw,
                std::vector<std::pair<std::string, SysfsParent>>& into) {
  if (!sysfs) {
    return;
  }
  const auto gpu = is_raw ? std::nullopt : physical_function(sysfs->directory);
  if (gpu) {
    add_gpu(root, *gpu, std::nullopt, into);
  } else {
    into.emplace_back(name, *std::move(sysfs));
  }
}

// Returns the names of parents and of their VFs.
std::set<std::string, std::less<>> names_of(const std::vector<std::pair<std::string, SysfsParent>>& parents) {
  std::set<std::string, std::less<>> names;
  for (const auto& [name, sysfs] : parents) {
    names.insert(name);
    for (const std::string& link : sysfs.function_links.value_or(std::vector<std::string>{})) {
      names.emplace(last_component(link));
    }
  }
  return names;
}

// Adds the devices of a bus, or of a driver without a bus, that offer types but are not registered as
// parents. The VFs of GPUs in `into` are not examined.
void add_unregistered(const sys::Dir& root, bool is_raw, const Parts& parts,
                      std::vector<std::pair<std::string, SysfsParent>>& into) {
  std::set<std::string, std::less<>> known_names = names_of(into);
  const auto known = [&](const std::string& name) { return known_names.contains(name); };
  for (const char* bus : buses) {
    parts.read([&] {
      const std::string links = fmt::format("sys/bus/{}/devices", bus);
      const sys::Result<sys::Dir> directory = answered(root.open_dir(links), cannot_list_parents);
      for (const std::string& name : directory ? names_in(root, links) : std::vector<std::string>{}) {
        if (!known(name) &&
            (directory->exists(name + "/mdev_supported_types") || directory->exists(name + "/mdev-host"))) {
          add_parent(root, name, follow(root, links, name, false), is_raw, into);
        }
      }
    });
  }
  std::vector<std::string> drivers;
  parts.read([&] { drivers = names_in(root, virtual_directory); });
  for (const std::string& driver : drivers) {
    if (driver == vfio_groups) {
      continue;
    }
    parts.read([&] {
      const std::string directory = fmt::format("{}/{}", virtual_directory, driver);
      for (const std::string& name : names_in(root, directory)) {
        auto sysfs =
            known(name) ? std::nullopt : parent_at(root, fmt::format("{}/{}", directory, name), false);
        if (sysfs && offers_types(sysfs->directory)) {
          known_names.insert(name);
          into.emplace_back(name, *std::move(sysfs));
        }
      }
    });
  }
}

// Adds the parents that the kernel lists.
void add_registered(const sys::Dir& root, bool is_raw, const Parts& parts,
                    std::vector<std::pair<std::string, SysfsParent>>& into) {
  const sys::Result<sys::Dir> registered = checked(root.open_dir(parents_directory));
  if (!registered && sys::is_absence(registered.error().number)) {
    return;
  }
  if (!registered) {
    sys::throw_error(registered.error(),
                     fmt::format("{} '{}'", cannot_list_parents, registered.error().path));
  }
  std::set<std::string, std::less<>> functions;  // of GPUs in the result
  for (const sys::Entry& entry :
       registered->entries().or_throw("{} '{}'", cannot_list_parents, registered->path())) {
    if (functions.contains(entry.name)) {
      continue;
    }
    parts.read([&] {
      add_parent(root, entry.name, follow(root, parents_directory, entry.name, true), is_raw, into);
    });
    // Only GPUs that stand for their VFs have links.
    for (const std::string& link : into.empty() || !into.back().second.function_links
                                       ? std::vector<std::string>{}
                                       : *into.back().second.function_links) {
      functions.emplace(last_component(link));
    }
  }
}

}  // namespace

std::optional<Command> Interface::switching(const SysfsParent&, const Device&, bool) const {
  return std::nullopt;
}

std::optional<bool> Interface::is_online(const SysfsParent&, const Device&) const {
  return std::nullopt;
}

// While a removal is pending the link is already gone but the directory still exists; both must be gone.
bool Interface::is_there(const sys::Dir& root, const Device& device) const {
  return root.exists(fmt::format("{}/{}", devices_directory, device.kernel_name())) ||
         root.exists(device.path);
}

sys::Result<sys::Done> issue(const sys::Dir& root, const Command& command) {
  const sys::Result<sys::Dir> directory = root.open_dir(command.directory);
  return directory ? directory->write_attribute(command.attribute, command.value)
                   : sys::Result<sys::Done>(directory.error());
}

const Interface* interface_of(const SysfsParent& parent) {
  if (!parent.registered) {
    for (const Interface* interface : flat_interfaces()) {
      if (interface->recognizes(parent)) {
        return interface;
      }
    }
    for (const Interface* interface :
         {&forum_interface(), &function_mdevs_interface(), &functions_interface()}) {
      if (interface->recognizes(parent)) {
        return interface;
      }
    }
  }
  return upstream_interface().recognizes(parent) ? &upstream_interface() : nullptr;
}

std::optional<SysfsParent> find_parent(const sys::Dir& root, const std::string& name) {
  if (auto sysfs = follow(root, parents_directory, name, true)) {
    return sysfs;
  }
  for (const char* bus : buses) {
    if (auto sysfs = follow(root, fmt::format("sys/bus/{}/devices", bus), name, false)) {
      return sysfs;
    }
  }
  for (const std::string& driver : names_in(root, virtual_directory)) {
    auto sysfs = parent_at(root, fmt::format("{}/{}/{}", virtual_directory, driver, name), false);
    if (sysfs && offers_types(sysfs->directory)) {
      return sysfs;
    }
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, SysfsParent>> find_parents(const sys::Dir& root, bool is_raw,
                                                              const Parts& parts) {
  std::vector<std::pair<std::string, SysfsParent>> result;
  parts.read([&] { add_registered(root, is_raw, parts, result); });
  parts.read([&] {
    for (FunctionParent& gpu : function_parents(root, std::nullopt, names_of(result))) {
      add_gpu(root, gpu.name, std::move(gpu.function_links), result);
    }
  });
  if (root.exists(bus_directory)) {
    add_unregistered(root, is_raw, parts, result);
  }
  return result;
}

std::optional<std::string> read_optional(const sys::Dir& directory, const std::string& name) {
  sys::Result<std::string> value = checked(directory.read_attribute(name));
  return value ? std::optional(*std::move(value)) : std::nullopt;
}

std::optional<std::uint64_t> read_number(const sys::Dir& directory, const std::string& name) {
  const std::optional<std::string> text = read_optional(directory, name);
  return text ? parse_decimal(*text) : std::nullopt;
}

std::optional<std::string> read_driver_override(const sys::Dir& directory, const std::string& name) {
  const std::string text = read_optional(directory, name).value_or("");
  const std::string driver(trim(text));
  return driver.empty() || driver == "(null)" ? std::nullopt : std::optional(driver);
}

std::optional<std::string> read_hex(const sys::Dir& directory, const std::string& name) {
  const std::optional<std::string> text = read_optional(directory, name);
  return text && text->starts_with("0x") && text->size() > 2 ? std::optional(text->substr(2)) : std::nullopt;
}

std::optional<std::string> read_hex_pair(const sys::Dir& directory, const std::string& first,
                                         const std::string& second) {
  const auto a = read_hex(directory, first);
  const auto b = read_hex(directory, second);
  return a && b ? std::optional(*a + ":" + *b) : std::nullopt;
}

}  // namespace mdevadm
