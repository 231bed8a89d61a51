#include <algorithm>
#include <mdevadm/host/host.hpp>

#include "dialect.hpp"
#include "paths.hpp"
#include "read_devices.hpp"

namespace mdevadm {

namespace {

// Combines "0x10de" and "0x13f2" to "10de:13f2".
std::optional<std::string> pci_pair(const sys::Dir& parent, const char* vendor_file,
                                    const char* device_file) {
  const auto number = [&](const char* name) {
    const sys::Result<std::string> text = parent.read_attribute(name);
    return text && text->starts_with("0x") ? text->substr(2) : std::string{};
  };
  const std::string vendor = number(vendor_file);
  const std::string device = number(device_file);
  return vendor.empty() || device.empty() ? std::nullopt : std::optional(vendor + ":" + device);
}

void read_identity(const sys::Dir& root, const sys::Dir& folder, Parent& parent) {
  parent.driver = link_name(folder, "driver");
  parent.pci_id = pci_pair(folder, "vendor", "device");
  parent.pci_subsystem = pci_pair(folder, "subsystem_vendor", "subsystem_device");
  if (parent.driver) {
    std::string module = *parent.driver;
    std::replace(module.begin(), module.end(), '-', '_');
    parent.driver_version = read_optional(root, fmt::format("sys/module/{}/version", module));
  }
}

Parent read_parent(const ParentName& name, const Place& place, Facet facets) {
  Parent parent{.name = name, .path = place.path};
  if (!has_any(facets, type_facets | Facet::parent_identity)) {
    return parent;
  }
  if (const Dialect* dialect = dialect_of(place)) {
    parent.dialect = dialect->name();
    dialect->describe(place, facets, parent);
  }
  if (has(facets, Facet::parent_identity)) {
    read_identity(place.root, place.folder, parent);
  }
  return parent;
}

Facet facets_for(const ParentName& parent, const Look& look) {
  const auto& wanted = look.details_of;
  const bool in_detail = !wanted || std::find(wanted->begin(), wanted->end(), parent) != wanted->end();
  return in_detail ? look.facets : Facet::parents;
}

std::vector<Parent> read_parents(const sys::Dir& root, const Look& look) {
  const auto by_name = [](const Parent& a, const Parent& b) { return a.name < b.name; };
  std::vector<Parent> result;
  if (look.details_of && !look.other_parents) {
    for (const ParentName& name : *look.details_of) {
      const auto place = find_parent(root, name.str());
      if (place && dialect_of(*place) != nullptr) {
        result.push_back(read_parent(name, *place, look.facets));
      }
    }
    std::sort(result.begin(), result.end(), by_name);
    return result;
  }
  for (const auto& [entry, place] : find_parents(root)) {
    if (const auto name = ParentName::parse(entry)) {
      result.push_back(read_parent(*name, place, facets_for(*name, look)));
    }
  }
  std::sort(result.begin(), result.end(), by_name);
  return result;
}

}  // namespace

Snapshot Host::observe(const Look& look) const {
  Snapshot seen;
  if (has_any(look.facets, parent_facets)) {
    seen.parents = read_parents(*root_, look);
  }
  if (has_any(look.facets, device_facets)) {
    seen.devices = read_devices(*root_, look, seen.nameless);
    if (look.removals && !look.bus_only && (!look.devices || seen.devices.size() < look.devices->size())) {
      seen.removing = read_removing(*root_, look, seen.devices);
    }
    for (const Record& record : look.known.all) {
      const bool asked = !look.devices || std::find(look.devices->begin(), look.devices->end(),
                                                    record.uuid) != look.devices->end();
      if (asked && seen.find_device(record.uuid) == nullptr && seen.find_removing(record.uuid) == nullptr) {
        seen.lost.push_back(record.uuid);
      }
    }
  }
  seen.mdev_support = !seen.parents.empty() || !seen.devices.empty() || root_->exists(parents_folder) ||
                      root_->exists(devices_folder) || (!look.bus_only && has_functions());
  if (has(look.facets, Facet::holders)) {
    find_holders(*root_, seen, look.facets);
  }
  return seen;
}

bool Host::has_functions(const std::optional<std::vector<ParentName>>& parents) const {
  return !function_parents(*root_, parents).empty();
}

}  // namespace mdevadm
