// The devices that the tables of a description mean, and their present definitions.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

#include "repeated_names.hpp"
#include "wanted_devices.hpp"

namespace mdevadm {

namespace {

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

}  // namespace

WantedDevices::Parsed WantedDevices::parse(const DeviceEntry& entry) {
  Parsed parsed{.knows_parents = entry.knows("parents") && entry.knows("except"), .usable = entry.complete};
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
      parsed.knows_parents = false;
      continue;
    }
    const ParentName parent = *ParentName::parse(name);
    if (std::find(parsed.parents.begin(), parsed.parents.end(), parent) == parsed.parents.end()) {
      parsed.parents.push_back(parent);
    }
  }
  if (!parsed.knows_parents) {
    parsed.parents.clear();
  }
  parsed.knows_type = offers_type(entry, parsed);
  parsed.usable &= parsed.knows_parents && parsed.knows_type;
  return parsed;
}

bool WantedDevices::knows_uuid(const DeviceEntry& entry) const {
  return entry.uuid || (entry.knows("uuid") && entry.knows("name") && !input_.file.unread.space);
}

const WantedDevices::Parsed& WantedDevices::parsed_of(const DeviceEntry& entry) const {
  return parsed_[static_cast<std::size_t>(&entry - input_.file.devices.data())];
}

// Returns whether an allowed parent offers the type, or can when it has been prepared, or a definition has it
// already; otherwise it is reported.
bool WantedDevices::offers_type(const DeviceEntry& entry, const Parsed& parsed) {
  if (entry.type.empty() || !allowed_of(options_.unprepared, parsed).empty()) {
    return true;
  }
  std::vector<std::string> known;
  for (const Parent& parent : input_.seen.parents) {
    if (!parsed.allows(parent.name)) {
      continue;
    }
    if (parent.capabilities.any_type || resolve_type(parent, entry.type) != nullptr) {
      return true;
    }
    for (const Type* type : parent.all_types()) {
      known.push_back(type->id.str());
      known.push_back(type->name.value_or(type->id.str()));
    }
  }
  const auto has_it = [&](const Definition& one) { return one.type.str() == entry.type; };
  if (std::any_of(input_.defined.all.begin(), input_.defined.all.end(), has_it)) {
    return true;
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
  return false;
}

void WantedDevices::find() {
  for (const DeviceEntry& entry : input_.file.devices) {
    parsed_.push_back(parse(entry));
    find_devices_of(entry, parsed_.back());
  }
  give_up_repeated();
  give_up_named_otherwise(0);
}

// Reports names and UUIDs that several devices have. Only the first device of each is planned.
void WantedDevices::give_up_repeated() {
  RepeatedNames names("device", plan_);
  for (const DeviceEntry& entry : input_.file.devices) {
    if (!entry.count && entry.is_pattern()) {
      names.add(entry.name, entry.at("name"));
    }
  }
  std::map<Uuid, std::vector<const WantedDevice*>> owners;
  for (WantedDevice& device : all_) {
    bool is_new = device.name.empty() || names.add(device.name, device.entry->at("name"));
    std::vector<const WantedDevice*>& others = owners[device.uuid];
    const auto owner = std::find_if(others.begin(), others.end(),
                                    [&](const WantedDevice* other) { return has_same_uuid(device, *other); });
    if (is_new && owner != others.end()) {
      const FilePosition& first = (*owner)->entry->at("uuid");
      const std::string words =
          device.word() == (*owner)->word()
              ? fmt::format("device '{}' is described twice, first at {}:{}:{}", printable(device.word()),
                            first.path, first.line, first.column)
              : fmt::format("'{}' and '{}' have the same UUID {}", printable(device.word()),
                            printable((*owner)->word()), device.uuid.str());
      problem(device.entry->at("uuid"), ExitCode::conflict, words);
      is_new = false;
    }
    others.push_back(&device);
    if (!is_new) {
      device.give_up();
    }
  }
  // Which names a table with count = "all" has depends on the room.
  for (std::size_t i = 0; i < parsed_.size(); ++i) {
    const DeviceEntry& entry = input_.file.devices[i];
    for (const WantedDevice& device : all_) {
      if (!entry.count && entry.is_pattern() && device.entry != &entry && number_in(entry, device.name)) {
        names.add(device.name, entry.at("name"));
        parsed_[i].usable = false;
      }
    }
  }
}

// Returns whether two devices have the same UUID. On different parents they may.
bool WantedDevices::has_same_uuid(const WantedDevice& device, const WantedDevice& other) const {
  if (device.uuid != other.uuid || !knows_uuid(*device.entry) || !knows_uuid(*other.entry)) {
    return false;
  }
  const Parsed& here = parsed_of(*device.entry);
  const Parsed& there = parsed_of(*other.entry);
  const auto may_be_single = [](const Parsed& one) { return !one.knows_parents || one.parents.size() == 1; };
  const bool may_differ = may_be_single(here) && may_be_single(there) &&
                          (!here.knows_parents || !there.knows_parents || here.parents != there.parents);
  return !may_differ || !device.entry->uuid || !other.entry->uuid;
}

void WantedDevices::find_devices_of(const DeviceEntry& entry, Parsed& parsed) {
  if (entry.uuid) {
    add(entry, parsed, entry.name, *entry.uuid);
    return;
  }
  if (entry.name.empty()) {
    return;  // neither could be read
  }
  if (!entry.count && !entry.is_pattern()) {
    add(entry, parsed, entry.name, derived_uuid(input_.file, entry.name));  // the count could not be read
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

void WantedDevices::add(const DeviceEntry& entry, Parsed& parsed, const std::string& name, const Uuid& uuid) {
  const bool knows = knows_uuid(entry);
  WantedDevice device{&entry, name, uuid, knows ? current_of(entry, parsed, uuid) : nullptr, entry.settings};
  device.wanted.uuid = uuid;
  device.wanted.name = name.empty() ? std::nullopt : Label::parse(name);
  if (!name.empty() && !device.wanted.name && parsed.usable) {
    problem(entry.at("name"), ExitCode::usage,
            fmt::format("invalid name of a device '{}' (at most 255 bytes, no '/' or control characters, no "
                        "'-' at its start, not a UUID)",
                        printable(name)));
    parsed.usable = false;
  }
  const bool has_problem = (knows && is_foreign(device, parsed)) || !parsed.usable;
  if (has_problem) {
    device.give_up();
  } else if (device.current != nullptr) {
    keep_place(device, parsed);
  } else {
    device.wanted.applied_by = input_.file.space_or_default();
  }
  all_.push_back(std::move(device));
}

// Gives up the devices from the one with this number on whose names other definitions have.
void WantedDevices::give_up_named_otherwise(std::size_t first) {
  // A table that could not be read may give the other definition another name.
  const std::vector<DeviceEntry>& entries = input_.file.devices;
  if (input_.file.unread.devices ||
      std::any_of(entries.begin(), entries.end(), [](const auto& entry) { return !entry.knows("uuid"); })) {
    return;
  }
  std::set<std::string> names;
  std::vector<WantedDevice*> found;
  for (std::size_t i = first; i < all_.size(); ++i) {
    WantedDevice& device = all_[i];
    if (knows_uuid(*device.entry) && names.insert(device.name).second && is_named_otherwise(device)) {
      found.push_back(&device);
    }
  }
  std::for_each(found.begin(), found.end(), [](WantedDevice* device) { device->give_up(); });
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
  const bool is_as_described =
      active->type && (!parsed.knows_type ||
                       type_matches({active->uuid, active->parent, *active->type}, *device.entry, parsed));
  if (!is_as_described || !parsed.allows(active->parent) || active->unmanaged) {
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

}  // namespace mdevadm
