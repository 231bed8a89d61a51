#include "wanted_devices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>
#include <numeric>

namespace mdevadm {

namespace {

bool contains(const std::vector<ParentName>& parents, const ParentName& parent) {
  return std::find(parents.begin(), parents.end(), parent) != parents.end();
}

}  // namespace

std::string WantedDevice::word() const {
  return name.empty() ? uuid.str() : name;
}

Identity WantedDevice::about() const {
  Identity about = current != nullptr ? identity_of(*current) : Identity{.uuid = uuid, .name = name};
  if (placed) {
    about.parent = wanted.parent.str();
    about.type = wanted.type.str();
  }
  return about;
}

Error unprepared_error(const WantedDevice& device, const std::vector<ParentName>& parents) {
  std::vector<std::string> names;
  for (const ParentName& parent : parents) {
    names.push_back(parent.str());
  }
  return {ExitCode::failed,
          fmt::format("cannot apply {}: not prepared: {}", device.about().quoted(), join(names, ", ")),
          "show the parent: mdevadm show " + join(names, " ")};
}

void WantedDevices::problem(const FilePosition& where, ExitCode code, const std::string& message,
                            const std::vector<std::string>& hints) {
  plan_.problems.push_back({{where.path, where.line, where.column, message}, code, hints});
}

// Returns those of the parents on which devices of the entry may be.
std::vector<ParentName> WantedDevices::allowed_of(std::vector<ParentName> parents, const Parsed& parsed) {
  std::erase_if(parents, [&](const ParentName& one) { return !parsed.allows(one); });
  return parents;
}

bool WantedDevices::is_failed(const ParentName& parent) const {
  return contains(options_.failed, parent);
}

bool WantedDevices::is_unprepared(const ParentName& parent) const {
  return contains(options_.unprepared, parent) && !is_failed(parent);
}

void WantedDevices::refuse_unprepared(WantedDevice& device, const std::vector<ParentName>& parents) {
  device.refused = true;
  plan_.refused.push_back({device.about(), unprepared_error(device, parents)});
}

ChoiceRequest WantedDevices::request_for(std::size_t entry, std::uint64_t count) const {
  const DeviceEntry& from = input_.file.devices[entry];
  ChoiceRequest request{.needs = parsed_[entry].needs,
                        .type = from.type,
                        .among = parsed_[entry].parents,
                        .count = count,
                        .units = from.settings.aggregate.value_or(1),
                        .placement = from.placement};
  // Devices of one entry have the same type.
  for (const WantedDevice& device : all_) {
    if (device.entry == &from && device.placed && !request.needs.empty()) {
      request.needs.clear();
      request.type = device.wanted.type.str();
    }
  }
  return request;
}

void WantedDevices::place(const std::vector<const Definition*>& leaving, const std::set<Uuid>& in_use) {
  std::vector<ParentName> mixed;
  for (const Parent& parent : input_.seen.parents) {
    if (mixes(parent.name)) {
      mixed.push_back(parent.name);
    }
  }
  if (!options_.failed.empty()) {
    usable_ = input_.seen;
    std::erase_if(usable_->parents, [&](const Parent& parent) { return is_failed(parent.name); });
  }
  Rooms rooms(usable(), input_.defined, Counting::defined, mixed);
  in_use_ = in_use;
  free_rooms(rooms, leaving, in_use);
  retype_in_place(rooms);
  require_matching_types();
  place_new(rooms, !in_use.empty() || is_any_unstopped());
}

// Reports requirements that no type meets, of entries that have no device yet.
void WantedDevices::require_matching_types() {
  for (std::size_t i = 0; i < parsed_.size(); ++i) {
    const DeviceEntry& entry = input_.file.devices[i];
    if (!entry.type.empty() || parsed_[i].needs.empty() || !is_known(parsed_[i]) ||
        !allowed_of(options_.failed, parsed_[i]).empty()) {
      continue;
    }
    if (const auto unmet = why_unmet(usable(), request_for(i, 1))) {
      problem(entry.at("need"), unmet->code(), unmet->what(), unmet->hints());
      parsed_[i].usable = false;
      give_up_missing(entry);
    }
  }
}

void WantedDevices::give_up_missing(const DeviceEntry& entry) {
  for (WantedDevice& device : all_) {
    if (device.entry == &entry && device.is_missing()) {
      device.give_up();
    }
  }
}

WantedDevices::Requests WantedDevices::requests() const {
  std::vector<std::size_t> entries(input_.file.devices.size());
  std::iota(entries.begin(), entries.end(), 0);
  // Devices that are only defined get the room that the others do not need.
  std::stable_partition(entries.begin(), entries.end(),
                        [&](std::size_t i) { return input_.file.devices[i].active; });
  std::map<const DeviceEntry*, std::uint64_t> missing;
  for (const WantedDevice& device : all_) {
    missing[device.entry] += std::uint64_t{device.is_missing()};
  }
  Requests result;
  for (const std::size_t i : entries) {
    if (!parsed_[i].usable) {
      continue;
    }
    const DeviceEntry& entry = input_.file.devices[i];
    if (missing[&entry] > 0) {
      result.entry_of.push_back(i);
      result.all.push_back(request_for(i, missing[&entry]));
    }
    if (!entry.count) {
      result.entry_of.push_back(i);
      result.rest.push_back(result.all.size());
      result.all.push_back(request_for(i, most_that_fill));
    }
  }
  return result;
}

void WantedDevices::place_new(Rooms& rooms, bool blocked) {
  const Requests wanted = requests();
  const auto place_in = [&](Rooms taken) {
    return place_all(usable(), taken, wanted.all, wanted.rest, effort_);
  };
  Placing placing = place_in(rooms);
  std::vector<std::size_t> lacking = lacking_of(wanted, placing);
  if (!lacking.empty()) {
    if (yield_rooms(rooms, lacking)) {
      place_new(rooms, blocked);
      return;
    }
    // A driver shows whether its GPU mixes framebuffer sizes only beside a vGPU.
    Rooms assumed = rooms;
    mixing_ = assumed.assume_mixed_sizes();
    Placing mixed = mixing_.empty() ? placing : place_in(assumed);
    if (lacking_of(wanted, mixed).empty()) {
      placing = std::move(mixed);
      lacking.clear();
    }
  }
  take_places(wanted, placing);
  if (lacking.empty()) {
    note_mixing();
  }
  std::vector<std::size_t> ignored = wanted.rest;
  for (const Placing::Failure& one : placing.failed) {
    if (std::find(lacking.begin(), lacking.end(), wanted.entry_of[one.request]) == lacking.end()) {
      put_off(wanted.entry_of[one.request]);
      ignored.push_back(one.request);
    }
  }
  for (const Placing::Failure& one : placing.failed) {
    const std::size_t entry = wanted.entry_of[one.request];
    if (std::find(lacking.begin(), lacking.end(), entry) != lacking.end()) {
      const auto fits = [&](Rooms with_more) {
        return !effort_.is_spent() &&
               can_place_all(usable(), std::move(with_more), wanted.all, ignored, effort_);
      };
      refuse_room(entry, one.fitting, blocked, fits, rooms);
      ignored.push_back(one.request);
    }
  }
  plan_.effort = effort_.tried;
}

// Returns the entries without room. What parents that are not prepared will offer is unknown.
std::vector<std::size_t> WantedDevices::lacking_of(const Requests& wanted, const Placing& placing) const {
  std::vector<std::size_t> entries;
  for (const Placing::Failure& one : placing.failed) {
    const std::size_t entry = wanted.entry_of[one.request];
    if (is_known(parsed_[entry]) && allowed_of(options_.failed, parsed_[entry]).empty()) {
      entries.push_back(entry);
    }
  }
  return entries;
}

void WantedDevices::take_places(const Requests& wanted, const Placing& placing) {
  for (std::size_t i = 0; i < wanted.all.size(); ++i) {
    const std::size_t number = wanted.entry_of[i];
    const DeviceEntry& entry = input_.file.devices[number];
    const std::vector<ChosenPlace>& places = placing.places[i];
    if (std::find(wanted.rest.begin(), wanted.rest.end(), i) != wanted.rest.end()) {
      if (places.size() == most_that_fill) {
        problem(entry.at("count"), ExitCode::failed,
                "the driver does not report how many devices fit, so their number is required");
        continue;
      }
      add_rest(number, places.size());
    }
    auto next = places.begin();
    for (WantedDevice& device : all_) {
      if (device.entry == &entry && device.is_missing() && next != places.end()) {
        device.wanted.parent = next->parent->name;
        device.wanted.type = next->type->id;
        device.placed = true;
        ++next;
      }
    }
  }
}

// Adds this many devices to a table with count = "all", with the first numbers that are free.
void WantedDevices::add_rest(std::size_t entry_number, std::size_t count) {
  const DeviceEntry& entry = input_.file.devices[entry_number];
  const std::size_t before = all_.size();
  std::uint64_t number = 0;
  for (std::size_t n = 0; n < count; ++n) {
    const auto is_taken = [&](std::uint64_t one) {
      return std::any_of(all_.begin(), all_.end(), [&](const WantedDevice& device) {
        return device.entry == &entry && device.name == entry.name_of(one);
      });
    };
    do {
      ++number;
    } while (is_taken(number));
    const std::string name = entry.name_of(number);
    add(entry, parsed_[entry_number], name, derived_uuid(input_.file, name));
  }
  give_up_named_otherwise(before);
}

void WantedDevices::require_own_queues(const WantedDevice& device) const {
  const auto has_autostart_queues = [](const Definition& one) {
    return one.start == StartMode::automatic && has_queues(one.type.str());
  };
  const auto changes = [](const WantedDevice& one) {
    return one.current == nullptr || one.current->attributes != one.wanted.attributes ||
           one.current->start != one.wanted.start;
  };
  if (!has_autostart_queues(device.wanted) || !changes(device)) {
    return;
  }
  const ApMatrix matrix = assigned_by(device.wanted.attributes);
  for (const WantedDevice& other : all_) {
    // Of two that change, the second one is refused.
    const bool is_first = &other < &device || !changes(other);
    if (&other == &device || !is_first || !other.placed || !has_autostart_queues(other.wanted)) {
      continue;
    }
    const std::vector<Apqn> common = common_queues(assigned_by(other.wanted.attributes), matrix);
    if (!common.empty()) {
      const auto place = [](const WantedDevice& one) {
        const FilePosition& at = one.entry->at("start");
        return FileProblem{at.path, at.line, at.column, fmt::format("entry of '{}'", one.about().word())}
            .str();
      };
      throw Error(ExitCode::conflict,
                  fmt::format("cannot define '{}': {}", printable(device.about().word()),
                              shared_at_boot(common, other.about().word())),
                  fmt::format("change the queues of one entry, or set its start to \"manual\": {}; {}",
                              place(other), place(device)));
    }
  }
}

}  // namespace mdevadm
