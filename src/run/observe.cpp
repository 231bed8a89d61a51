#include <algorithm>
#include <mdevadm/model/drift.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/util/sort.hpp>
#include <tuple>

namespace mdevadm {

namespace {

// Returns what definitions claim: they identify the device on a virtual function if there is no record of it.
Records claims_of(const Effects& effects) {
  Records claims;
  const Definitions defined = load_definitions(effects);
  for (const Definition& definition : defined.all) {
    if (const FunctionName* vf = definition.reserved_vf()) {
      claims.all.push_back({definition.uuid, definition.parent, definition.type, vf->str(), true});
    }
  }
  return claims;
}

// Looks up each parent once: definitions and records are sorted by parent, or few.
class GpuLookup {
 public:
  explicit GpuLookup(const Host& host) : host_(host) {}

  const std::optional<ParentName>& gpu_of(const ParentName& parent) {
    if (parent_ != parent) {
      parent_ = parent;
      gpu_ = host_.gpu_of(parent);
    }
    return gpu_;
  }

 private:
  const Host& host_;
  std::optional<ParentName> parent_{};
  std::optional<ParentName> gpu_{};
};

Records load_records(const Effects& effects) {
  Records records = effects.store.load_records();
  GpuLookup lookup(effects.host);
  for (Record& record : records.all) {
    record.parent = lookup.gpu_of(record.parent).value_or(record.parent);
  }
  return records;
}

}  // namespace

void place_on_gpus(const Host& host, std::vector<Definition>& definitions) {
  GpuLookup lookup(host);
  for (Definition& definition : definitions) {
    if (const auto& gpu = lookup.gpu_of(definition.parent)) {
      definition = of_directory(std::move(definition), *gpu);
    }
  }
}

Definitions load_definitions(const Effects& effects, const std::optional<ParentName>& parent) {
  Definitions defined = effects.store.load();
  place_on_gpus(effects.host, defined.all);
  if (parent) {
    std::erase_if(defined.all, [&](const Definition& definition) { return definition.parent != *parent; });
  }
  sort_moving_once(defined.all, [](const Definition& a, const Definition& b) {
    return std::tie(a.parent, a.uuid) < std::tie(b.parent, b.uuid);
  });
  return defined;
}

Snapshot observe_host(const Effects& effects, Scope what) {
  if (has_any(what.facets, device_facets) && !what.bus_only) {
    what.known = what.raw ? effects.store.load_records() : load_records(effects);
    if (effects.host.has_functions(what.other_parents ? std::nullopt : what.details_of)) {
      what.claims = claims_of(effects);
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
