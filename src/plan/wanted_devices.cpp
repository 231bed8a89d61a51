#include "wanted_devices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>
#include <numeric>

namespace mdevadm {

namespace {

constexpr std::uint64_t most_that_fill = 65536;

// Returns the number that replaces "{}" in a name.
std::optional<std::uint64_t> number_in(const DeviceEntry& entry, const std::string& name) {
  const std::size_t place = entry.name.find("{}");
  const std::string_view before = std::string_view(entry.name).substr(0, place);
  const std::string_view after = std::string_view(entry.name).substr(place + 2);
  if (name.size() <= before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after)) {
    return std::nullopt;
  }
  const char* first = name.data() + before.size();
  const char* last = name.data() + name.size() - after.size();
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(first, last, number);
  return error == std::errc{} && end == last && number > 0 && number <= most_that_fill && *first != '0'
             ? std::optional(number)
             : std::nullopt;
}

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

WantedDevices::Parsed WantedDevices::parse(const DeviceEntry& entry) {
  Parsed parsed;
  for (std::size_t i = 0; i < entry.needs.size(); ++i) {
    const FilePosition& where = entry.at(fmt::format("need.{}", i));
    const auto need = parse_requirement(entry.needs[i]);
    if (!need) {
      problem(where, ExitCode::usage,
              fmt::format("invalid requirement '{}' (expected PROPERTY OP VALUE, e.g. framebuffer>=2G)",
                          printable(entry.needs[i])));
      parsed.usable = false;
      continue;
    }
    if (const auto wrong = problem_of(input_.seen, *need)) {
      problem(where, wrong->code(), wrong->what(), wrong->hints());
      parsed.usable = false;
    } else {
      parsed.needs.push_back(*need);
    }
  }
  std::vector<std::string> known = input_.seen.parent_names();
  for (const Definition& definition : input_.defined.all) {
    if (std::find(known.begin(), known.end(), definition.parent.str()) == known.end()) {
      known.push_back(definition.parent.str());
    }
  }
  for (const ParentName& parent : options_.unprepared) {
    known.push_back(parent.str());
  }
  for (std::size_t i = 0; i < entry.parents.size(); ++i) {
    const std::string name = resolve_parent(entry.parents[i], known);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const auto cause = why_missing(input_.seen, name);
      problem(entry.at(fmt::format("parents.{}", i)), ExitCode::not_found,
              cause ? cause->what : fmt::format("no parent '{}' on this host", printable(entry.parents[i])),
              unknown_parent(input_.seen, name, "").hints());
      parsed.usable = false;
      continue;
    }
    if (!contains(parsed.parents, *ParentName::parse(name))) {
      parsed.parents.push_back(*ParentName::parse(name));
    }
  }
  if (parsed.usable) {
    require_known_type(entry, parsed);
  }
  return parsed;
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

// Reports a type that no allowed parent offers, unless definitions have it already.
void WantedDevices::require_known_type(const DeviceEntry& entry, const Parsed& parsed) {
  if (entry.type.empty() || !allowed_of(options_.unprepared, parsed).empty()) {
    return;
  }
  std::vector<std::string> known;
  for (const Parent& parent : input_.seen.parents) {
    if (!parsed.allows(parent.name)) {
      continue;
    }
    if (parent.capabilities.any_type || resolve_type(parent, entry.type) != nullptr) {
      return;
    }
    for (const Type* type : parent.all_types()) {
      known.push_back(type->id.str());
      known.push_back(type->name.value_or(type->id.str()));
    }
  }
  const auto has_it = [&](const Definition& one) { return one.type.str() == entry.type; };
  if (std::any_of(input_.defined.all.begin(), input_.defined.all.end(), has_it)) {
    return;
  }
  const std::string meant = did_you_mean(entry.type, known);
  const Error none =
      with_candidates({ExitCode::not_found, "", meant.empty() ? "list types: mdevadm types" : meant},
                      input_.seen, entry.type);
  const std::string where = parsed.parents.empty()       ? "no parent"
                            : parsed.parents.size() == 1 ? parsed.parents.front().str()
                                                         : "none of the parents";
  problem(entry.at("type"), ExitCode::not_found,
          fmt::format("{} {} type '{}'{}", where, parsed.parents.size() == 1 ? "does not offer" : "offers",
                      printable(entry.type), none.what()),
          none.hints());
}

void WantedDevices::find() {
  for (const DeviceEntry& entry : input_.file.devices) {
    parsed_.push_back(parse(entry));
    if (parsed_.back().usable) {
      find_devices_of(entry, parsed_.back());
    }
  }
  drop_named_otherwise(0);
  std::map<Uuid, const WantedDevice*> owners;
  for (const WantedDevice& device : all_) {
    const auto [owner, is_new] = owners.try_emplace(device.uuid, &device);
    const bool differs = device.entry->parents.size() != 1 || owner->second->entry->parents.size() != 1;
    if (!is_new && !device.entry->uuid && device.name == owner->second->name) {
      const FilePosition& first = owner->second->entry->at("name");
      problem(device.entry->at("name"), ExitCode::conflict,
              fmt::format("device '{}' is described twice, first at {}:{}:{}", printable(device.name),
                          first.path, first.line, first.column));
    } else if (!is_new && (differs || !device.entry->uuid)) {
      problem(device.entry->at("uuid"), ExitCode::conflict,
              fmt::format("'{}' and '{}' have the same UUID {}", printable(device.word()),
                          printable(owner->second->word()), device.uuid.str()));
    }
  }
}

void WantedDevices::find_devices_of(const DeviceEntry& entry, const Parsed& parsed) {
  if (entry.uuid) {
    add(entry, parsed, entry.name, *entry.uuid);
    return;
  }
  if (entry.count) {
    for (std::uint64_t i = 1; i <= *entry.count; ++i) {
      const std::string name = entry.name_of(i);
      add(entry, parsed, name, derived_uuid(input_.file, name));
    }
    return;
  }
  std::set<std::uint64_t> numbers;
  for (const Definition& definition : input_.defined.all) {
    const auto number = definition.name ? number_in(entry, definition.name->str()) : std::nullopt;
    if (number && definition.uuid == derived_uuid(input_.file, entry.name_of(*number))) {
      numbers.insert(*number);
    }
  }
  for (const std::uint64_t number : numbers) {
    const std::string name = entry.name_of(number);
    add(entry, parsed, name, derived_uuid(input_.file, name));
  }
}

// Returns the definition that the description means: of several with this UUID, the one under an allowed
// parent.
const Definition* WantedDevices::current_of(const DeviceEntry& entry, const Parsed& parsed,
                                            const Uuid& uuid) const {
  const std::vector<const Definition*> found = input_.defined.find(uuid);
  for (const Definition* one : found) {
    if (parsed.allows(one->parent)) {
      return one;
    }
  }
  // Only what a description has made is moved to another parent.
  const auto is_ours = [&](const Definition* one) {
    return one->applied_by == input_.file.space_or_default();
  };
  const auto ours = std::find_if(found.begin(), found.end(), is_ours);
  return !entry.uuid && ours != found.end() ? *ours : nullptr;
}

void WantedDevices::add(const DeviceEntry& entry, const Parsed& parsed, const std::string& name,
                        const Uuid& uuid) {
  WantedDevice device{&entry, name, uuid, current_of(entry, parsed, uuid), entry.settings};
  device.wanted.uuid = uuid;
  device.wanted.name = name.empty() ? std::nullopt : Label::parse(name);
  if (!name.empty() && !device.wanted.name) {
    problem(entry.at("name"), ExitCode::usage,
            fmt::format("invalid name of a device '{}' (at most 255 bytes, no '/' or control characters, no "
                        "'-' at its start, not a UUID)",
                        printable(name)));
    return;
  }
  if (is_foreign(device, parsed)) {
    return;
  }
  if (device.current != nullptr) {
    keep_place(device, parsed);
  } else {
    device.wanted.applied_by = input_.file.space_or_default();
  }
  all_.push_back(std::move(device));
}

// Drops the devices from the one with this number on whose names other definitions have.
void WantedDevices::drop_named_otherwise(std::size_t first) {
  std::set<Uuid> dropped;
  for (std::size_t i = first; i < all_.size(); ++i) {
    if (is_named_otherwise(all_[i])) {
      dropped.insert(all_[i].uuid);
    }
  }
  all_.erase(std::remove_if(all_.begin() + static_cast<std::ptrdiff_t>(first), all_.end(),
                            [&](const WantedDevice& device) { return dropped.contains(device.uuid); }),
             all_.end());
}

// Reports a definition of another device that has the name, unless the description gives that one another
// name.
bool WantedDevices::is_named_otherwise(const WantedDevice& device) {
  const Definition* owner = device.wanted.name ? input_.defined.find_label(*device.wanted.name) : nullptr;
  if (owner == nullptr || owner->uuid == device.uuid ||
      std::any_of(all_.begin(), all_.end(), [&](const WantedDevice& other) {
        return other.current == owner && other.wanted.name != owner->name;
      })) {
    return false;
  }
  const std::vector<std::string> hints =
      device.entry->is_pattern()
          ? std::vector{std::string(
                            "to keep the existing device, describe it in a table of its own, with its "
                            "UUID: mdevadm export host"),
                        "or remove its definition: " +
                            command_to_undefine(owner->uuid.str(), *owner, input_.groups)}
          : std::vector{fmt::format("to keep the existing device, set in the description: uuid = \"{}\"",
                                    owner->uuid.str())};
  problem(device.entry->at("name"), ExitCode::conflict,
          fmt::format("the name '{}' is used by the definition {} under {}, but the UUID of the described "
                      "device is {}",
                      printable(device.name), owner->uuid.str(), owner->parent.str(), device.uuid.str()),
          hints);
  return true;
}

// Reports a UUID that already belongs to another definition or device. An active device without a definition
// that matches the description gets one.
bool WantedDevices::is_foreign(WantedDevice& device, const Parsed& parsed) {
  if (device.current != nullptr) {
    return false;
  }
  const FilePosition& where = device.entry->at("uuid");
  const std::string word = printable(device.word());
  if (const auto others = input_.defined.find(device.uuid); !others.empty()) {
    problem(where, ExitCode::conflict,
            fmt::format("'{}' has the UUID of the definition {} under {}", word,
                        identity_of(*others.front()).quoted(), others.front()->parent.str()),
            {"use another UUID in the description, or omit the key uuid",
             "if the definition is not needed, remove it: " +
                 command_to_undefine(others.front()->uuid.str(), *others.front(), input_.groups)});
    return true;
  }
  const Device* active = input_.seen.find_device(device.uuid);
  if (active == nullptr) {
    return false;
  }
  const bool is_allowed = parsed.allows(active->parent);
  if (!active->type || !is_allowed || active->unmanaged ||
      !type_matches({active->uuid, active->parent, *active->type}, *device.entry, parsed)) {
    problem(where, ExitCode::conflict,
            fmt::format("'{}' has the UUID of the active device {} on {} ({}), which has no definition", word,
                        active->uuid.str(), active->parent.str(),
                        active->type ? active->type->str() : "unknown type"),
            {fmt::format("show the device: mdevadm show {}", active->uuid.str())});
    return true;
  }
  device.wanted.parent = active->parent;
  device.wanted.type = *active->type;
  if (!active->vf.empty() && !device.wanted.function) {
    device.wanted.function = FunctionName::parse(active->vf.str());
  }
  device.placed = true;
  return false;
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
    if (!parsed_[i].usable || parsed_[i].needs.empty() || !is_known(parsed_[i]) ||
        !allowed_of(options_.failed, parsed_[i]).empty()) {
      continue;
    }
    if (const auto unmet = why_unmet(usable(), request_for(i, 1))) {
      problem(entry.at("need"), unmet->code(), unmet->what(), unmet->hints());
      parsed_[i].usable = false;
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
        return;
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
  drop_named_otherwise(before);
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
