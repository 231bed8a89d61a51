#include <algorithm>
#include <mdevadm/host/host.hpp>

#include "dialect.hpp"
#include "paths.hpp"
#include "read_devices.hpp"

namespace mdevadm {

namespace {

std::string pci_id_of(const sys::Dir& parent) {
  // "0x10de" -> "10de"
  const auto number = [&](const char* name) {
    const sys::Result<std::string> text = parent.read_attribute(name);
    return text && text->starts_with("0x") ? text->substr(2) : std::string{};
  };
  const std::string vendor = number("vendor");
  const std::string device = number("device");
  return vendor.empty() || device.empty() ? std::string{} : vendor + ":" + device;
}

std::optional<Parent> read_parent(const sys::Dir& root, const sys::Dir& bus, const ParentName& name,
                                  Facet facets) {
  const sys::Result<std::string> link = bus.read_link(name.str());
  if (!link) {
    return std::nullopt;
  }
  Parent parent{.name = name, .path = resolve_link(parents_folder, *link)};
  if (!has_any(facets, type_facets | Facet::parent_identity)) {
    return parent;
  }
  const sys::Result<sys::Dir> folder = root.open_dir(parent.path);
  if (!folder) {
    return std::nullopt;
  }
  if (const Dialect* dialect = dialect_of(*folder)) {
    parent.dialect = dialect->name();
    parent.capabilities = dialect->capabilities();
    if (has_any(facets, type_facets)) {
      parent.types = dialect->types(*folder, facets);
    }
  }
  if (has(facets, Facet::parent_identity)) {
    parent.driver = link_name(*folder, "driver");
    if (std::string id = pci_id_of(*folder); !id.empty()) {
      parent.pci_id = std::move(id);
    }
  }
  return parent;
}

Facet facets_for(const ParentName& parent, const Look& look) {
  const auto& wanted = look.details_of;
  const bool in_detail = !wanted || std::find(wanted->begin(), wanted->end(), parent) != wanted->end();
  return in_detail ? look.facets : Facet::parents;
}

std::vector<Parent> read_parents(const sys::Dir& root, const Look& look) {
  std::vector<Parent> result;
  const sys::Result<sys::Dir> bus = root.open_dir(parents_folder);
  if (!bus && sys::is_absence(bus.error().number)) {
    return result;
  }
  if (!bus) {
    sys::throw_error(bus.error(), "cannot look for parents of mediated devices");
  }
  for (const sys::Entry& entry : bus->entries().or_throw("cannot look for parents of mediated devices")) {
    const auto name = ParentName::parse(entry.name);
    if (!name) {
      continue;
    }
    if (std::optional<Parent> parent = read_parent(root, *bus, *name, facets_for(*name, look))) {
      result.push_back(*std::move(parent));
    }
  }
  std::sort(result.begin(), result.end(), [](const Parent& a, const Parent& b) { return a.name < b.name; });
  return result;
}

}  // namespace

Snapshot Host::observe(const Look& look) const {
  Snapshot seen;
  seen.mdev_support = root_->exists(parents_folder) || root_->exists(devices_folder);
  if (has_any(look.facets, parent_facets)) {
    seen.parents = read_parents(*root_, look);
  }
  if (has_any(look.facets, device_facets)) {
    seen.devices = read_devices(*root_, look.devices, look.facets);
  }
  if (has(look.facets, Facet::holders)) {
    seen.unseen_processes = find_holders(*root_, seen.devices, look.facets);
  }
  return seen;
}

}  // namespace mdevadm
