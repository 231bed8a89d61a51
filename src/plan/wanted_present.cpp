// The devices of a description that exist: what stays as it is, and what has to be stopped.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/drift.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

#include "wanted_devices.hpp"

namespace mdevadm {

namespace {

// Returns whether a device started from `after` differs from one started from `before`.
bool requires_restart(const Definition& before, const Definition& after) {
  return after.parent != before.parent || after.type != before.type ||
         after.attributes != before.attributes || after.aggregate != before.aggregate ||
         after.create_args != before.create_args ||
         (after.function != before.function && before.function.has_value());
}

}  // namespace

bool WantedDevices::type_matches(const Definition& definition, const DeviceEntry& entry,
                                 const Parsed& parsed) const {
  const Parent* parent = input_.seen.find_parent(definition.parent.str());
  const Type* type = parent != nullptr ? resolve_type(*parent, definition.type.str()) : nullptr;
  if (entry.type.empty()) {
    return type == nullptr || meets_all(*type, parsed.needs);
  }
  const TypeName named = *TypeName::parse(entry.type);
  const Type* meant = parent != nullptr ? resolve_type(*parent, entry.type) : nullptr;
  return named == definition.type || (type != nullptr && meant != nullptr && type == meant) ||
         (type == nullptr && means_type(parent, named, definition.type));
}

// Takes over the place of the present definition, as far as the description allows.
void WantedDevices::keep_place(WantedDevice& device, const Parsed& parsed) {
  const Definition& current = *device.current;
  Definition& wanted = device.wanted;
  if (is_unstopped(current)) {
    wanted = current;
    device.placed = true;
    device.refused = true;
    return;
  }
  wanted.abi = current.abi;
  wanted.applied_by = current.applied_by;
  wanted.origin = current.origin;
  wanted.name = wanted.name ? wanted.name : current.name;
  wanted.directory = current.directory;
  wanted.parent = current.parent;
  if (!parsed.allows(current.parent)) {
    return;
  }
  const Device* active = active_of(current);
  if (type_matches(current, *device.entry, parsed)) {
    wanted.type = current.type;
  } else if (active != nullptr && active->type && !active->unmanaged &&
             type_matches({active->uuid, active->parent, *active->type}, *device.entry, parsed)) {
    wanted.type = *active->type;  // the definition was changed by hand, the device was not
  } else {
    return;
  }
  keep_function(device);
  device.placed = true;
}

// Keeps the virtual function, unless the settings of the parent reserve it now.
void WantedDevices::keep_function(WantedDevice& device) const {
  const FunctionName* present = device.current->reserved_vf();
  const bool is_withheld = present != nullptr && device.current->origin == Origin::mdevadm &&
                           input_.defined.withholds(device.current->parent, present->str());
  if (!device.wanted.function && !is_withheld) {
    device.wanted.function = device.current->function;
  }
}

const Device* WantedDevices::active_of(const Definition& definition) const {
  const Device* device = input_.seen.find_device(definition.uuid);
  return device != nullptr && device->parent == definition.parent ? device : nullptr;
}

bool WantedDevices::is_to_stop(const WantedDevice& device) const {
  const Device* active =
      device.current != nullptr && device.is_planned() ? active_of(*device.current) : nullptr;
  return active != nullptr && requires_restart(*device.current, device.wanted) &&
         !runs_as(*active, device.wanted, *device.current) &&
         (device.entry->active || device.wanted.parent != device.current->parent);
}

// Returns whether the active device is known to be as one that is started from `wanted`, although its
// definition differs: this was changed by hand, or the device was.
bool WantedDevices::runs_as(const Device& active, const Definition& wanted, const Definition& current) const {
  const auto is_known = [&](const Definition& one, const Attribute& attribute) {
    const std::vector<Attribute> comparable = comparable_attributes(one);
    return is_ap_attribute(attribute)
               ? active.queues.has_value()
               : &one == &wanted && active.settings.or_default().attributes.contains(attribute.name.str()) &&
                     std::find(comparable.begin(), comparable.end(), attribute) != comparable.end();
  };
  // Returns whether all attributes of one definition that the other one does not have could be read.
  const auto are_known = [&](const Definition& one, const Definition& other) {
    return std::all_of(one.attributes.begin(), one.attributes.end(), [&](const Attribute& attribute) {
      const auto same = [&](const Attribute& there) {
        return there == attribute || (&other == &wanted && there.name == attribute.name);
      };
      return std::any_of(other.attributes.begin(), other.attributes.end(), same) || is_known(one, attribute);
    });
  };
  return wanted.parent == current.parent && wanted.create_args == current.create_args && active.type &&
         (wanted.function == current.function ||
          (wanted.function && (wanted.reserved_vf() == nullptr || !active.vf.empty()))) &&
         (wanted.aggregate == current.aggregate || active.units == wanted.aggregate.value_or(1)) &&
         are_known(wanted, current) && are_known(current, wanted) &&
         differences_of(input_.seen, active, wanted, std::nullopt).empty();
}

std::vector<Uuid> WantedDevices::leaving(const std::vector<const Definition*>& pruned) const {
  std::vector<Uuid> leaving;
  for (const WantedDevice& device : all_) {
    const bool gives_up = device.faulty && device.current != nullptr && active_of(*device.current) != nullptr;
    if (gives_up || is_to_stop(device)) {
      leaving.push_back(device.uuid);
    }
  }
  for (const Definition* definition : pruned) {
    if (active_of(*definition) != nullptr) {
      leaving.push_back(definition->uuid);
    }
  }
  return leaving;
}

// Devices that change their type stay on their parent if there is room.
void WantedDevices::retype_in_place(Rooms& rooms) {
  for (WantedDevice& device : all_) {
    if (device.current == nullptr || device.placed || device.faulty || device.entry->type.empty()) {
      continue;
    }
    const Parsed& parsed = parsed_of(*device.entry);
    const Parent* parent = usable().find_parent(device.current->parent.str());
    const Type* type = parent != nullptr ? resolve_type(*parent, device.entry->type) : nullptr;
    if (type == nullptr || !parsed.allows(parent->name)) {
      continue;
    }
    Room& room = rooms.on(*parent);
    const std::uint64_t units = device.wanted.aggregate.value_or(1);
    if (room.fits(*type, units)) {
      room.take(*type, units);
      device.wanted.type = type->id;
      keep_function(device);
      device.placed = true;
    }
  }
}

}  // namespace mdevadm
