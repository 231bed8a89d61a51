#include <mdevadm/plan/restart.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/util/text.hpp>
#include <set>

namespace mdevadm {

namespace {

constexpr unsigned stages_of_stop = 2;

// Returns the types that the parent still refuses because of devices that remain active: those of another
// framebuffer size, if the GPU does not mix sizes. It has shown that, or it has no virtual functions, which
// mixing needs.
std::set<TypeName> shut_out(const Snapshot& seen, const Parent& parent, const std::vector<Uuid>& stopped) {
  Snapshot rest;
  std::copy_if(seen.devices.begin(), seen.devices.end(), std::back_inserter(rest.devices),
               [&](const Device& device) {
                 return device.parent == parent.name &&
                        std::find(stopped.begin(), stopped.end(), device.uuid) == stopped.end();
               });
  std::set<TypeName> types;
  for (const Type* type : parent.all_types()) {
    if (!other_size_in_use(rest, parent, *type).empty() || has_only_other_sizes(rest, parent, *type)) {
      types.insert(type->id);
    }
  }
  return types;
}

// Frees the function of the device. Which types the driver accepts then is unknown, on all free functions: a
// function that was free before may have accepted none because the GPU was full, or had another size.
void release_function(Parent& parent, const Device& device, const std::set<TypeName>& excluded) {
  for (Function& function : parent.functions) {
    if (function.address == device.vf && device.type) {
      function.type.reset();
      function.creatable.push_back({*device.type, {}});
    }
  }
  for (Function& function : parent.functions) {
    if (function.type || !function.usable) {
      continue;
    }
    for (const Type* type : parent.all_types()) {
      const bool is_listed = std::any_of(function.creatable.begin(), function.creatable.end(),
                                         [&](const NamedType& one) { return one.id == type->id; });
      if (!is_listed && !excluded.contains(type->id)) {
        function.creatable.push_back({type->id, type->name.value_or("")});
      }
    }
  }
}

void release_instances(Parent& parent, const Device& device, const std::set<TypeName>& excluded) {
  for (Type& type : parent.types) {
    if (excluded.contains(type.id)) {
      continue;
    }
    const bool is_same = device.type && type.id == *device.type;
    if (is_same && type.available) {
      *type.available += device.units.value_or(1);
      type.hidden = false;  // the device leaves a place of its size
    } else {
      type.available.reset();
    }
  }
  // Without the device, the driver may list further types.
  for (Type& type : parent.unlisted) {
    if (!excluded.contains(type.id)) {
      type.available.reset();
      parent.types.push_back(type);
    }
  }
  std::erase_if(parent.unlisted, [&](const Type& type) { return !excluded.contains(type.id); });
  // Parents that list only what fits may not list the type of their device.
  if (device.type && parent.find_type(device.type->str()) == nullptr) {
    parent.types.push_back({.id = *device.type});
  }
}

// Parents do not report the names of types that they do not list.
void name_type(Parent& parent, const Device& device, const Definition* definition) {
  if (definition == nullptr || !device.type || !is_vendor_name(definition->type.str()) ||
      !means_type(&parent, definition->type, *device.type)) {
    return;
  }
  for (Type& type : parent.types) {
    if (type.id == *device.type && !type.name) {
      type.name = definition->type.str();
    }
  }
}

}  // namespace

Snapshot after_stop(Snapshot seen, const std::vector<Uuid>& stopped, const Definitions& defined) {
  std::map<ParentName, std::set<TypeName>> excluded;
  for (const Parent& parent : seen.parents) {
    excluded.emplace(parent.name, shut_out(seen, parent, stopped));
  }
  for (const Uuid& uuid : stopped) {
    const Device* device = seen.find_device(uuid);
    if (device == nullptr) {
      continue;
    }
    for (Parent& parent : seen.parents) {
      if (parent.name == device->parent) {
        release_function(parent, *device, excluded[parent.name]);
        release_instances(parent, *device, excluded[parent.name]);
        name_type(parent, *device, defined.find(uuid, device->parent));
      }
    }
    std::erase_if(seen.devices, [&](const Device& other) { return other.uuid == uuid; });
  }
  return seen;
}

const Definition& definition_to_restart(const Found& found, const std::string& doing) {
  if (found.active == nullptr || found.broken != nullptr) {
    return require_definition(found, doing);
  }
  for (const Definition* definition : found.definitions) {
    if (definition->parent == found.active->parent) {
      return *definition;
    }
  }
  if (!found.definitions.empty()) {
    throw Error(
        ExitCode::conflict,
        fmt::format("{}: active on {}, but defined under {}", doing, found.active->parent.str(),
                    found.definitions.front()->parent.str()),
        fmt::format("stop it, then start it from its definition: mdevadm stop {0} && mdevadm start {0}",
                    shell_word(found.word)));
  }
  throw Error(ExitCode::conflict,
              fmt::format("{}: the device is {} and has no definition to start from", doing,
                          found.active->unmanaged ? "unmanaged" : "transient"),
              fmt::format("create a definition: mdevadm define {}", shell_word(found.word)));
}

Job start_after_stop(Job start) {
  for (Step& step : start.steps) {
    step.stage += stages_of_stop;
  }
  return start;
}

}  // namespace mdevadm
