#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/host/readable.hpp>
#include <mdevadm/model/drift.hpp>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/run/readable.hpp>
#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/util/sort.hpp>
#include <mdevadm/util/text.hpp>
#include <tuple>

namespace mdevadm {

namespace {

// Returns the UUIDs of all definitions, sorted.
std::vector<Uuid> uuids_of(const Definitions& defined) {
  std::vector<Uuid> uuids;
  uuids.reserve(defined.all.size());
  for (const Definition& definition : defined.all) {
    uuids.push_back(definition.uuid);
  }
  std::sort(uuids.begin(), uuids.end());
  return uuids;
}

// Notes which parents and GPUs get their virtual functions by their settings. The settings are read only if
// advice may depend on them; advice does not require that they can be read.
void note_settings(const Effects& effects, Snapshot& seen) {
  const auto is_incomplete = [](const Parent& parent) {
    return parent.capabilities.functions &&
           (parent.functions.empty() || std::any_of(parent.functions.begin(), parent.functions.end(),
                                                    [](const Function& one) { return !one.usable; }));
  };
  if (std::none_of(seen.parents.begin(), seen.parents.end(), is_incomplete) &&
      std::none_of(seen.gpus.begin(), seen.gpus.end(),
                   [](const GpuFunction& gpu) { return gpu.has_functions; })) {
    return;
  }
  try {
    for (const ParentSettings& settings : effects.store.load_parent_settings().all) {
      if (!settings.functions) {
        continue;
      }
      for (Parent& parent : seen.parents) {
        parent.enables_functions |= parent.name == settings.parent;
      }
      for (GpuFunction& gpu : seen.gpus) {
        gpu.enables_functions |= gpu.address == settings.parent.str();
      }
    }
  } catch (const Error&) {
  }
}

// Notes which virtual functions have refused a type since they were enabled.
void note_refusals(const Effects& effects, Snapshot& seen) {
  const bool any = std::any_of(seen.parents.begin(), seen.parents.end(),
                               [](const Parent& parent) { return !parent.functions.empty(); });
  for (const FunctionRefusal& refusal :
       any ? effects.store.load_refusals() : std::vector<FunctionRefusal>{}) {
    for (Parent& parent : seen.parents) {
      for (Function& function : parent.functions) {
        if (parent.name == refusal.parent && function.address == refusal.vf &&
            refusal.inode == effects.host.inode_of_function(refusal.vf)) {
          function.refused = fmt::format("type {} ({})", refusal.type.str(), refusal.reason);
        }
      }
    }
  }
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

Records on_gpus(const Host& host, Records records) {
  GpuLookup lookup(host);
  for (Record& record : records.all) {
    record.parent = lookup.gpu_of(record.parent).value_or(record.parent);
  }
  return records;
}

// Looks up each account once: policies of many devices have the same ones.
class SettingsReader {
 public:
  explicit SettingsReader(const Host& host) : host_(host) {}

  void read_nodes(Device& device, const NodePolicy& policy) {
    for (Node& node : device.nodes.made()) {
      if (policy.owner && *policy.owner != node.owner) {
        look_up(device, "user " + *policy.owner, [&] { return sys::user_id(*policy.owner); });
      }
      if (policy.group && *policy.group != node.group) {
        look_up(device, "group " + *policy.group, [&] { return sys::group_id(*policy.group); });
      }
      if (policy.selinux_label) {
        node.selinux_label = host_.selinux_label(node);
      }
    }
  }

 private:
  template <typename Find>
  void look_up(Device& device, const std::string& account, Find find) {
    auto known = ids_.find(account);
    if (known == ids_.end()) {
      known = ids_.emplace(account, find()).first;
    }
    if (known->second) {
      device.settings.made().accounts.emplace(account, *known->second);
    }
  }

  const Host& host_;
  std::map<std::string, std::optional<std::uint32_t>> ids_{};
};

// Sorts by parent and UUID. mdevctl can define a device on several virtual functions of a GPU, each of which
// is a parent to it: of these definitions one is used, that of mdevadm or of the first function.
void sort_by_device(const store::Store& store, Definitions& defined) {
  sort_moving_once(defined.all, [](const Definition& a, const Definition& b) {
    return std::tie(a.parent, a.uuid, a.origin, a.function) <
           std::tie(b.parent, b.uuid, b.origin, b.function);
  });
  const auto same = [](const Definition& a, const Definition& b) {
    return a.parent == b.parent && a.uuid == b.uuid;
  };
  for (auto one = std::adjacent_find(defined.all.begin(), defined.all.end(), same); one != defined.all.end();
       one = std::adjacent_find(one, defined.all.end(), same)) {
    const auto ignored = one + 1;
    const std::string path = store.path_of(*ignored);
    defined.problems.push_back({path,
                                0,
                                0,
                                fmt::format("ignored: '{}' defines the same device", store.path_of(*one)),
                                {},
                                "remove the file: rm " + shell_word(path)});
    defined.all.erase(ignored);
  }
}

// Adds the records and, if there can be devices on virtual functions, what definitions expect of these.
template <typename HasFunctions>
void add_known(const Effects& effects, const HasFunctions& has_functions, Scope& what) {
  if (has_any(what.facets, device_facets) && !what.bus_only) {
    what.known = effects.store.load_records();
    if (!what.raw) {
      what.known = on_gpus(effects.host, std::move(what.known));
    }
    const bool has_any_functions = has_functions();
    what.no_functions = what.other_parents && !has_any_functions;
    if (has_any_functions) {
      what.defined = uuids_of(load_definitions(effects));
    }
  }
}

Snapshot completed(const Effects& effects, Snapshot seen, const Scope& what) {
  if (!what.raw) {
    note_settings(effects, seen);
    note_refusals(effects, seen);
  }
  if (has(what.facets, Facet::claims)) {
    seen.claims = valid_claims(effects, seen);
  }
  return seen;
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

Definitions load_definitions_of(const Effects& effects, const std::vector<Uuid>& devices) {
  Definitions defined = effects.store.load_some(devices);
  place_on_gpus(effects.host, defined.all);
  sort_by_device(effects.store, defined);
  return defined;
}

Definitions load_definitions(const Effects& effects, const std::optional<ParentName>& parent) {
  Definitions defined = effects.store.load();
  place_on_gpus(effects.host, defined.all);
  if (parent) {
    std::erase_if(defined.all, [&](const Definition& definition) { return definition.parent != *parent; });
  }
  sort_by_device(effects.store, defined);
  return defined;
}

Snapshot observe_host(const Effects& effects, Scope what) {
  const auto has_functions = [&] {
    return effects.host.has_functions(what.other_parents ? std::nullopt : what.details_of);
  };
  add_known(effects, has_functions, what);
  return completed(effects, effects.host.observe(what), what);
}

Snapshot observe_readable_host(const Effects& effects, const sys::Dir& root, Scope what,
                               std::vector<std::string>& unread) {
  const auto may_have_functions = [&] {
    try {
      return effects.host.has_functions(what.other_parents ? std::nullopt : what.details_of);
    } catch (const Error&) {
      return true;
    }
  };
  add_known(effects, may_have_functions, what);
  return completed(effects, observe_readable(root, what, unread), what);
}

Snapshot observe_defined(const Effects& effects, const std::vector<Uuid>& devices, const Definitions& defined,
                         Facet facets) {
  Scope what{.facets = facets, .details_of = std::vector<ParentName>{}, .devices = devices};
  for (const Definition& definition : defined.all) {
    if (what.details_of->empty() || what.details_of->back() != definition.parent) {  // sorted by parent
      what.details_of->push_back(definition.parent);
    }
  }
  what.removals = false;
  what.other_parents = false;
  what.known = on_gpus(effects.host, effects.store.load_records(devices));
  what.defined = uuids_of(defined);
  Snapshot seen = effects.host.observe(what);
  note_settings(effects, seen);
  note_refusals(effects, seen);
  return seen;
}

Claims valid_claims(const Effects& effects, const Snapshot& seen) {
  Claims claims = effects.store.load_claims();
  std::erase_if(claims.all, [&](const Claim& claim) {
    const Device* device = seen.find_device(claim.uuid);
    device = device != nullptr ? device : seen.find_removing(claim.uuid);
    return device == nullptr || !claim.is_of(effects.host.inode_of(*device));
  });
  return claims;
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
  Snapshot seen =
      observe_host(effects, {Facet::devices | Facet::holders | Facet::busy | Facet::online | Facet::claims,
                             std::nullopt, together ? std::nullopt : std::optional(devices)});
  seen.parents = std::move(offering.parents);
  return seen;
}

void observe_settings_of(const Effects& effects, Snapshot& seen, const std::vector<Compared>& wanted) {
  SettingsReader reader(effects.host);
  AttributeReader values = effects.host.attribute_reader();
  for (const Compared& one : wanted) {
    const std::vector<Attribute> attributes = comparable_attributes(*one.definition);
    if (attributes.empty() && !one.node) {
      continue;
    }
    const Definition& definition = *one.definition;
    const auto place = std::lower_bound(seen.devices.begin(), seen.devices.end(), definition, by_parent);
    if (place == seen.devices.end() || place->uuid != definition.uuid || place->parent != definition.parent) {
      continue;
    }
    values.read(*place, attributes);
    if (one.node) {
      reader.read_nodes(*place, *one.node);
    }
  }
}

}  // namespace mdevadm
