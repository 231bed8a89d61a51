#include <algorithm>
#include <mdevadm/model/drift.hpp>
#include <mdevadm/run/observe.hpp>
#include <tuple>

namespace mdevadm {

namespace {

// Returns what definitions claim: they identify the device on a virtual function if there is no record of it.
Records claims_of(const store::Store& store) {
  Records claims;
  for (const Definition& definition : store.load().all) {
    if (const FunctionName* vf = definition.reserved_vf()) {
      claims.all.push_back({definition.uuid, definition.parent, definition.type, vf->str(), true});
    }
  }
  return claims;
}

}  // namespace

Snapshot observe_host(const Effects& effects, Scope what) {
  if (has_any(what.facets, device_facets) && !what.bus_only) {
    what.known = effects.store.load_records();
    if (effects.host.has_functions(what.other_parents ? std::nullopt : what.details_of)) {
      what.claims = claims_of(effects.store);
    }
  }
  return effects.host.observe(what);
}

Snapshot observe_users(const Effects& effects, const std::vector<Uuid>& devices,
                       const std::vector<ParentName>& parents) {
  if (devices.empty()) {
    return {};
  }
  Snapshot offering;
  if (!parents.empty()) {
    offering = observe_host(effects, {Facet::types, parents, std::nullopt});
  }
  const bool together = std::any_of(offering.parents.begin(), offering.parents.end(),
                                    [](const Parent& one) { return one.capabilities.online_together; });
  Snapshot seen = observe_host(effects, {Facet::devices | Facet::holders | Facet::busy | Facet::online,
                                         std::nullopt, together ? std::nullopt : std::optional(devices)});
  seen.parents = std::move(offering.parents);
  return seen;
}

void observe_attributes(const Effects& effects, Snapshot& seen, const std::vector<Definition>& defined) {
  for (const Definition& definition : defined) {
    const std::vector<Attribute> wanted = comparable_attributes(definition);
    if (wanted.empty()) {
      continue;
    }
    const auto place = std::lower_bound(
        seen.devices.begin(), seen.devices.end(), definition, [](const Device& device, const Definition& of) {
          return std::tie(device.parent, device.uuid) < std::tie(of.parent, of.uuid);
        });
    if (place == seen.devices.end() || place->uuid != definition.uuid || place->parent != definition.parent) {
      continue;
    }
    for (const Attribute& attribute : wanted) {
      if (const auto value = effects.host.read_attribute(*place, attribute.name)) {
        place->attributes[attribute.name.str()] = *value;
      }
    }
  }
}

}  // namespace mdevadm
