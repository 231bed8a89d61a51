#include <algorithm>
#include <mdevadm/host/host.hpp>
#include <mdevadm/host/readable.hpp>
#include <mdevadm/model/addresses.hpp>

#include "interface.hpp"
#include "parts.hpp"
#include "paths.hpp"
#include "read_devices.hpp"

namespace mdevadm {

namespace {

void read_identity(const sys::Dir& root, const sys::Dir& directory, Parent& parent) {
  parent.driver = link_name(directory, "driver");
  parent.pci_id = read_hex_pair(directory, "vendor", "device");
  parent.pci_subsystem = read_hex_pair(directory, "subsystem_vendor", "subsystem_device");
  if (parent.driver) {
    std::string module = *parent.driver;
    std::replace(module.begin(), module.end(), '-', '_');
    parent.driver_version = read_optional(root, fmt::format("sys/module/{}/version", module));
  }
}

Parent read_parent(const ParentName& name, const SysfsParent& sysfs, Facet facets) {
  Parent parent{.name = name, .path = sysfs.path};
  if (!has_any(facets, type_facets | Facet::parent_identity)) {
    return parent;
  }
  if (const Interface* interface = interface_of(sysfs)) {
    parent.interface = interface->name();
    try {
      interface->describe(sysfs, facets, parent);
    } catch (const Error& error) {
      // Parents of the mainline interface always have types, so that none means that they are unknown.
      if (!sys::is_read_failure(error.number()) || !parent.capabilities.mdev_types) {
        throw;
      }
      parent.types.clear();
      parent.notice = error.what();
    }
    parent.without_iommu = parent.capabilities.functions && !sysfs.directory.exists("iommu_group");
  }
  if (has(facets, Facet::parent_identity)) {
    read_identity(sysfs.root, sysfs.directory, parent);
  }
  return parent;
}

Facet facets_for(const ParentName& parent, const Scope& scope) {
  const auto& wanted = scope.details_of;
  const bool in_detail = !wanted || std::find(wanted->begin(), wanted->end(), parent) != wanted->end();
  return in_detail ? scope.facets : Facet::parents;
}

std::vector<Parent> read_parents(const sys::Dir& root, const Scope& scope, const Parts& parts) {
  const auto by_name = [](const Parent& a, const Parent& b) { return a.name < b.name; };
  std::vector<Parent> result;
  if (scope.details_of && !scope.other_parents) {
    for (const ParentName& name : *scope.details_of) {
      parts.read([&] {
        const auto sysfs = find_parent(root, name.str());
        if (sysfs && interface_of(*sysfs) != nullptr) {
          result.push_back(read_parent(name, *sysfs, scope.facets));
        }
      });
    }
    // To explain why one is missing requires the names of all others: a device number can mean one of them.
    // Without types, the caller only waits for it.
    if (result.size() == scope.details_of->size() || !has_any(scope.facets, type_facets)) {
      std::sort(result.begin(), result.end(), by_name);
      return result;
    }
    result.clear();
  }
  for (const auto& [entry, sysfs] : find_parents(root, scope.raw, parts)) {
    if (const auto name = ParentName::parse(entry)) {
      result.push_back(read_parent(*name, sysfs, facets_for(*name, scope)));
    }
  }
  std::sort(result.begin(), result.end(), by_name);
  return result;
}

// Returns whether a requested parent is missing or offers no types, or no parent exists.
bool misses_types(const Snapshot& seen, const Scope& scope) {
  if (scope.details_of) {
    return std::any_of(scope.details_of->begin(), scope.details_of->end(), [&](const ParentName& name) {
      const Parent* parent = seen.find_parent(name.str());
      return parent == nullptr || (has_any(scope.facets, type_facets) && parent->types.empty());
    });
  }
  return seen.parents.empty() || (has_any(scope.facets, type_facets) &&
                                  std::any_of(seen.parents.begin(), seen.parents.end(),
                                              [](const Parent& parent) { return parent.types.empty(); }));
}

// Reads what the requested names mean that are not parents, or that offer no types.
void read_addresses(const Host& host, const Scope& scope, Snapshot& seen) {
  std::vector<std::string> names = scope.addresses;
  for (const ParentName& name : scope.details_of.value_or(std::vector<ParentName>{})) {
    names.push_back(name.str());
  }
  for (std::size_t i = 0, count = names.size(); i < count; ++i) {
    if (seen.find_parent(names[i]) == nullptr) {
      const std::vector<std::string> others = other_spellings(names[i]);
      names.insert(names.end(), others.begin(), others.end());
    }
  }
  for (const std::string& name : names) {
    const Parent* parent = seen.find_parent(name);
    if (!seen.host_devices.contains(name) &&
        (parent == nullptr || (has_any(scope.facets, type_facets) && parent->types.empty()))) {
      seen.host_devices.emplace(name, host.observe_address(name));
    }
  }
}

// Reads devices that may become parents, of those drivers that have no parent.
void read_candidates(const Host& host, Snapshot& seen) {
  constexpr std::size_t most_candidates = 4;
  std::vector<std::string> names = host.devices_bound_to({"i915", "xe"});
  const std::vector<std::string> parents = seen.parent_names();
  const bool has_channels = std::any_of(parents.begin(), parents.end(),
                                        [](const std::string& one) { return is_channel_address(one); });
  const std::vector<std::string> of_z = host.possible_parents(has_channels ? 0 : most_candidates);
  names.insert(names.end(), of_z.begin(), of_z.end());
  for (const std::string& name : names) {
    if (seen.find_parent(name) == nullptr && !seen.host_devices.contains(name)) {
      seen.host_devices.emplace(name, host.observe_address(name));
    }
  }
}

Snapshot observe_parts(const sys::Dir& root, const Scope& scope, const Parts& parts) {
  const Host host(root);
  Snapshot seen;
  if (has_any(scope.facets, parent_facets)) {
    seen.parents = read_parents(root, scope, parts);
    // A stop, for example, needs no names.
    if (has(scope.facets, Facet::type_name)) {
      add_unlisted_types(root, seen.parents);
    }
    if (has(scope.facets, Facet::gpus) || misses_types(seen, scope)) {
      seen.gpus = read_gpus(root, seen.parents);
    }
    read_addresses(host, scope, seen);
    if (scope.candidates) {
      read_candidates(host, seen);
    }
  }
  if (has_any(scope.facets, device_facets)) {
    seen.devices = read_devices(root, scope, seen, parts);
    const bool is_complete = has_all(scope, seen.devices);
    if (scope.removals && !scope.bus_only && !is_complete) {
      seen.removing = read_removing(root, scope, seen.devices, parts);
    }
    for (const Record& record : scope.known.all) {
      const bool asked = scope.devices ? std::find(scope.devices->begin(), scope.devices->end(),
                                                   record.uuid) != scope.devices->end()
                                       : !is_complete;
      if (asked && seen.find_device(record.uuid) == nullptr && seen.find_removing(record.uuid) == nullptr) {
        seen.lost.push_back(record.uuid);
      }
    }
  }
  if (has(scope.facets, Facet::ap_bus)) {
    seen.ap = host.observe_ap_bus(has(scope.facets, Facet::ap_bindings));
  }
  parts.read([&] {
    seen.mdev_support = !seen.parents.empty() || !seen.devices.empty() || root.exists(parents_directory) ||
                        root.exists(devices_directory) || (!scope.bus_only && host.has_functions());
  });
  if (has(scope.facets, Facet::holders)) {
    find_holders(root, seen, scope.facets);
  }
  return seen;
}

}  // namespace

Snapshot Host::observe(const Scope& scope) const {
  return observe_parts(*root_, scope, Parts(nullptr));
}

Snapshot observe_readable(const sys::Dir& root, const Scope& scope, std::vector<std::string>& unread) {
  return observe_parts(root, scope, Parts(&unread));
}

std::optional<ParentName> Host::gpu_of(const ParentName& function) const {
  if (!is_pci_address(function.str())) {
    return std::nullopt;
  }
  const sys::Result<sys::Dir> device = answered(root_->open_dir("sys/bus/pci/devices/" + function.str()));
  const auto gpu = device ? physical_function(*device) : std::nullopt;
  return gpu ? ParentName::parse(*gpu) : std::nullopt;
}

bool Host::has_functions(const std::optional<std::vector<ParentName>>& parents) const {
  return !function_parents(*root_, parents).empty();
}

}  // namespace mdevadm
