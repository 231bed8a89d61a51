#include <mdevadm/plan/resolve.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include <mdevadm/model/addresses.hpp>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr std::size_t shortest_beginning = 4;
constexpr std::size_t most_listed = 4;

bool is_beginning(std::string_view word) {
  const auto is_uuid_char = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
  };
  return std::all_of(word.begin(), word.end(), is_uuid_char);
}

std::set<Uuid> uuids_that_begin(std::string_view word, const Snapshot& seen, const Definitions& defined) {
  const std::string beginning = to_lower(word);
  std::set<Uuid> found;
  const auto take = [&](const Uuid& uuid) {
    if (uuid.str().starts_with(beginning)) {
      found.insert(uuid);
    }
  };
  std::for_each(seen.devices.begin(), seen.devices.end(), [&](const Device& d) { take(d.uuid); });
  std::for_each(seen.removing.begin(), seen.removing.end(), [&](const Device& d) { take(d.uuid); });
  std::for_each(defined.all.begin(), defined.all.end(), [&](const Definition& d) { take(d.uuid); });
  return found;
}

Error ambiguous(const std::set<Uuid>& uuids, const std::string& doing) {
  std::vector<std::string> names;
  for (const Uuid& uuid : uuids) {
    if (names.size() == most_listed) {
      names.emplace_back("...");
      break;
    }
    names.push_back(uuid.str());
  }
  return {
      ExitCode::conflict,
      fmt::format("{}: ambiguous UUID prefix matches {} devices: {}", doing, uuids.size(), join(names, ", ")),
      "give more digits of the UUID"};
}

// A UUID, and the definition if the word is its name.
struct Meaning {
  Uuid uuid;
  const Definition* named = nullptr;
};

// Returns the hint for a device that is not found.
std::string list_devices(const Snapshot& seen, const Definitions& defined) {
  return seen.devices.empty() && defined.all.empty()
             ? "no device is active or defined; list types: mdevadm types"
             : "list all devices: mdevadm list --all";
}

[[noreturn]] void refuse_parent(const std::string& name, const Snapshot& seen, const Definitions& defined,
                                const std::string& doing) {
  const auto is_on_it = [&](const auto& one) { return one.parent.str() == name; };
  const bool any = std::any_of(seen.devices.begin(), seen.devices.end(), is_on_it) ||
                   std::any_of(defined.all.begin(), defined.all.end(), is_on_it);
  std::vector<std::string> hints{"show the parent and its devices: mdevadm show " + name};
  if (any) {
    hints.insert(hints.begin(), "list the devices of the parent: mdevadm list --all -p " + name);
  }
  throw Error(ExitCode::not_found, fmt::format("{}: {} is a parent, not a device", doing, name), hints);
}

// What else than devices a command accepts.
enum class Beside { nothing, groups };

[[noreturn]] void refuse_unknown(std::string_view word, const Snapshot& seen, const Definitions& defined,
                                 const std::string& doing, Beside beside) {
  const char* kinds = beside == Beside::groups ? "device, definition or group" : "device or definition";
  std::vector<std::string> labels;
  for (const Definition& definition : defined.all) {
    if (definition.name) {
      labels.push_back(definition.name->str());
    }
  }
  if (is_pattern(word)) {
    throw Error(ExitCode::usage,
                fmt::format("{}: patterns are not accepted here (expected one device)", doing),
                fmt::format("list the devices that it matches: mdevadm list {}", shell_word(word)));
  }
  if (const auto missing = missing_address(seen, word)) {
    throw Error(ExitCode::not_found, fmt::format("{}: {}", doing, missing->what), missing->advice);
  }
  const std::string unknown = fmt::format("{}: no {} with this name, UUID or UUID prefix", doing, kinds);
  const bool is_address = is_channel_address(kernel_spelling(word));
  const std::string number = is_address ? kernel_spelling(word) : "0.0." + to_lower(word);
  const auto devices = seen.host_devices.find(number);
  const bool is_observed = devices != seen.host_devices.end();
  if (seen.find_parent(number) != nullptr) {
    refuse_parent(number, seen, defined, doing);
  }
  if (is_address && !is_observed) {
    throw Error(ExitCode::not_found, unknown,
                "show the subchannel or channel device of this number: mdevadm show " + number);
  }
  if (is_observed && !devices->second.empty()) {
    throw Error(ExitCode::not_found, unknown,
                "show the subchannel or channel device of this number: mdevadm show " + number);
  }
  if (is_address && is_observed) {
    throw Error(ExitCode::not_found,
                fmt::format("{}: no subchannel and no channel device has this number, and no {} has "
                            "this name",
                            doing, kinds),
                "list the numbers: ls /sys/bus/css/devices /sys/bus/ccw/devices");
  }
  const std::string meant = is_address ? std::string{} : did_you_mean(word, labels);
  const bool is_short = is_beginning(word) && word.size() < shortest_beginning;
  const Error error(ExitCode::not_found, unknown,
                    is_short         ? "a UUID prefix needs at least 4 digits"
                    : !meant.empty() ? meant
                                     : list_devices(seen, defined));
  throw beside == Beside::groups ? error.with_hint("list groups: mdevadm group list") : error;
}

const Definition* defined_as(std::string_view word, const Definitions& defined) {
  const auto label = Label::parse(word);
  return label ? defined.find_label(*label) : nullptr;
}

// Returns the GPU of a virtual function, as far as it has been observed, or nullptr.
const ParentName* owner_of_function(const Snapshot& seen, const std::string& address) {
  if (const auto function = seen.functions.find(address); function != seen.functions.end()) {
    return &function->second;
  }
  const auto devices = seen.host_devices.find(address);
  const auto is_physical = [&](const Parent& parent) {
    return std::any_of(parent.functions.begin(), parent.functions.end(),
                       [&](const Function& one) { return one.address == address; }) ||
           (devices != seen.host_devices.end() &&
            std::any_of(devices->second.begin(), devices->second.end(),
                        [&](const HostDevice& one) { return one.physical == parent.name.str(); }));
  };
  const auto parent = std::find_if(seen.parents.begin(), seen.parents.end(), is_physical);
  return parent == seen.parents.end() ? nullptr : &parent->name;
}

// Throws Error{not_found} for a virtual function without a device that no definition reserves.
[[noreturn]] void refuse_free_function(const std::string& address, const ParentName& gpu,
                                       const Snapshot& seen, const Definitions& defined,
                                       const std::string& doing) {
  const std::string what = fmt::format("{}: virtual function {} of {}", doing, address, gpu.str());
  if (defined.withholds(gpu, address)) {
    throw Error(
        ExitCode::not_found, what + " has no device and is reserved by the settings of the parent",
        fmt::format("remove the reservation: mdevadm parent set {} --unreserve {}", gpu.str(), address));
  }
  const Parent* parent = seen.find_parent(gpu.str());
  const auto is_it = [&](const Function& one) { return one.address == address && !one.usable; };
  if (parent != nullptr && std::any_of(parent->functions.begin(), parent->functions.end(), is_it)) {
    throw Error(ExitCode::not_found, what + " has no device and no usable vGPU interface",
                advice_for_functions(*parent));
  }
  throw Error(ExitCode::not_found, what + " is free and not reserved",
              std::vector{fmt::format("create a device on it: mdevadm define -p {} --vf {} -t TYPE",
                                      gpu.str(), address),
                          fmt::format("list the devices of the GPU: mdevadm list --all -p {}", gpu.str())});
}

// Returns the device on a VF, else the definition that reserves the VF. Throws Error{not_found} for a free
// VF and for another PCI device.
Meaning meaning_of_address(std::string_view word, const Snapshot& seen, const Definitions& defined,
                           const std::string& doing) {
  const std::string address = kernel_spelling(word);
  if (const Device* device = device_on(seen, address)) {
    return {device->uuid};
  }
  for (const Definition& definition : defined.all) {
    const FunctionName* vf = definition.reserved_vf();
    if (vf != nullptr && vf->str() == address) {
      return {definition.uuid, &definition};
    }
  }
  if (const ParentName* gpu = owner_of_function(seen, address)) {
    refuse_free_function(address, *gpu, seen, defined, doing);
  }
  if (seen.find_parent(address) != nullptr) {
    refuse_parent(address, seen, defined, doing);
  }
  if (const auto finding = why_no_types(seen, address)) {
    throw Error(ExitCode::not_found, fmt::format("{}: {}", doing, finding->what), finding->advice);
  }
  if (const auto missing = missing_address(seen, address)) {
    throw Error(ExitCode::not_found, fmt::format("{}: {}", doing, missing->what), missing->advice);
  }
  throw Error(
      ExitCode::not_found,
      fmt::format("{}: no device is on PCI function {}, and no definition reserves it", doing, address),
      std::vector{"show the PCI function and its devices: mdevadm show " + address,
                  list_devices(seen, defined)});
}

// Hand-written files can contain a name twice. A command must not choose between the devices.
void require_only(const Definition& named, const Definitions& defined, const std::string& doing) {
  std::vector<std::string> uuids;
  for (const Definition& one : defined.all) {
    const bool is_new = std::find(uuids.begin(), uuids.end(), one.uuid.str()) == uuids.end();
    if (one.name == named.name && is_new) {
      uuids.push_back(one.uuid.str());
    }
  }
  if (uuids.size() > 1) {
    throw Error(ExitCode::conflict,
                fmt::format("{}: several definitions have this name: {}", doing, join(uuids, " and ")),
                fmt::format("give one of them another name: mdevadm modify {} --name NAME", uuids.back()));
  }
}

// Returns the UUID in the name of a definition's file.
std::optional<Uuid> uuid_of_file(std::string_view path) {
  constexpr std::string_view ending = ".toml";
  path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0
  path.remove_suffix(path.ends_with(ending) ? ending.size() : 0);
  return Uuid::parse(path);
}

Meaning meaning_of(std::string_view word, const Snapshot& seen, const Definitions& defined,
                   const std::string& doing, Beside beside = Beside::nothing) {
  if (const auto uuid = Uuid::parse(word)) {
    return {*uuid};
  }
  const std::string name = kernel_spelling(word);
  const auto uuid = Uuid::parse(name);
  if ((uuid || is_pci_address(name)) && defined_as(word, defined) == nullptr) {
    return uuid ? Meaning{*uuid} : meaning_of_address(word, seen, defined, doing);
  }
  if (const auto label = Label::parse(word)) {
    if (const Definition* definition = defined.find_label(*label)) {
      require_only(*definition, defined, doing);
      return {definition->uuid, definition};
    }
    for (const FileProblem& broken : defined.broken) {
      if (broken.name == label->str()) {
        if (const auto uuid_in_name = uuid_of_file(broken.path)) {
          return {*uuid_in_name};  // the device may be active
        }
        refuse_broken(broken, doing);
      }
    }
  }
  if (is_beginning(word) && word.size() >= shortest_beginning) {
    const std::set<Uuid> uuids = uuids_that_begin(word, seen, defined);
    if (uuids.size() > 1) {
      throw ambiguous(uuids, doing);
    }
    if (!uuids.empty()) {
      return {*uuids.begin()};
    }
  }
  if (const std::string why = why_no_uuid(word); !why.empty()) {
    throw Error(ExitCode::usage, fmt::format("{}: invalid UUID: {}", doing, why),
                list_devices(seen, defined));
  }
  refuse_unknown(word, seen, defined, doing, beside);
}

// Returns the problem with the file of a device, under `parent` if given; nullptr: none.
const FileProblem* problem_of_file(const std::vector<FileProblem>& problems, const Uuid& uuid,
                                   const std::optional<ParentName>& parent) {
  const std::string name = fmt::format("{}/{}", parent ? "/" + parent->str() : "", uuid.str());
  const auto found = std::find_if(problems.begin(), problems.end(), [&](const FileProblem& problem) {
    return problem.path.find(name) != std::string::npos;
  });
  return found != problems.end() ? &*found : nullptr;
}

// Returns the hints for a device that is neither active nor defined. A symbolic link in the place of its
// definition is not read.
std::vector<std::string> advice_on_undefined(const Snapshot& seen, const Definitions& defined,
                                             const Uuid& uuid, const std::optional<ParentName>& parent) {
  std::vector<std::string> advice{list_devices(seen, defined)};
  const FileProblem* problem = problem_of_file(defined.problems, uuid, parent);
  if (problem != nullptr && !problem->remedy.empty()) {
    advice.insert(advice.begin(), fmt::format("{}: {}", problem->str(), problem->remedy));
  }
  return advice;
}

}  // namespace

const FileProblem* broken_definition(const Definitions& defined, const Uuid& uuid,
                                     const std::optional<ParentName>& parent) {
  return problem_of_file(defined.broken, uuid, parent);
}

void refuse_broken(const FileProblem& broken, const std::string& doing, const char* what) {
  throw Error(ExitCode::failed, fmt::format("{}: {} cannot be used: {}", doing, what, broken.str()),
              "fix or remove the file");
}

std::string why_no_uuid(std::string_view word) {
  constexpr std::array<std::size_t, 5> sizes{8, 4, 4, 4, 12};
  constexpr std::array<const char*, 5> ordinals{"first", "second", "third", "fourth", "last"};
  constexpr std::size_t longest_prefix = 30;
  const std::vector<std::string_view> groups = split(word, '-');
  const auto has_size = [](std::string_view group, std::size_t size) { return group.size() == size; };
  const bool hexadecimal = is_beginning(word);
  const bool has_sizes = std::equal(groups.begin(), groups.end(), sizes.begin(), sizes.end(), has_size);
  const bool resembles = hexadecimal ? word.size() > 20 || groups.size() > 2 : has_sizes;
  if (!resembles || Uuid::parse(word)) {
    return {};
  }
  if (groups.size() == 1) {
    return fmt::format("{} digits without hyphens (expected 8-4-4-4-12)", word.size());
  }
  for (std::size_t i = 0; i < groups.size() && i < sizes.size(); ++i) {
    const bool is_last = i + 1 == groups.size();
    const bool may_be_prefix =
        is_last && hexadecimal && word.size() <= longest_prefix && groups[i].size() <= sizes[i];
    if (groups[i].size() != sizes[i] && !may_be_prefix) {
      return fmt::format("{} instead of {} digits in the {} group", groups[i].size(), sizes[i], ordinals[i]);
    }
  }
  if (!hexadecimal) {
    return "a digit is not hexadecimal";
  }
  return groups.size() > sizes.size() ? fmt::format("{} instead of 5 groups of digits", groups.size()) : "";
}

Found resolve_device(std::string_view word, const Snapshot& seen, const Definitions& defined,
                     const std::optional<ParentName>& parent, const std::string& doing) {
  const Meaning meant = meaning_of(word, seen, defined, doing);
  // A name means one definition, even if the same UUID is defined under other parents too.
  const std::optional<ParentName> under = meant.named != nullptr && !parent ? meant.named->parent : parent;
  Found found{.word = std::string(word), .uuid = meant.uuid, .definitions = {}};
  const Device* device = seen.find_device(found.uuid);
  if (device != nullptr && (!under || *under == device->parent)) {
    found.active = device;
  }
  const Device* removing = seen.find_removing(found.uuid);
  if (removing != nullptr && (!parent || *parent == removing->parent)) {
    found.removing = removing;
  }
  for (const Definition* definition : defined.find(found.uuid)) {
    if (!under || *under == definition->parent) {
      found.definitions.push_back(definition);
    }
  }
  if (found.definitions.empty()) {
    found.broken = broken_definition(defined, found.uuid, under);
  }
  if (found.active == nullptr && found.removing == nullptr && found.definitions.empty()) {
    if (found.broken != nullptr) {
      refuse_broken(*found.broken, doing);
    }
    const std::string where = parent ? fmt::format(" under {}", parent->str()) : std::string{};
    throw Error(ExitCode::not_found, fmt::format("{}: not active and not defined{}", doing, where),
                advice_on_undefined(seen, defined, found.uuid, parent));
  }
  return found;
}

Found resolve_no_group(std::string_view word, const Snapshot& seen, const Definitions& defined,
                       const std::string& doing) {
  std::ignore = meaning_of(word, seen, defined, doing, Beside::groups);
  return resolve_device(word, seen, defined, std::nullopt, doing);
}

bool selects_many(const std::string& word, const Definitions& defined) {
  const auto label = Label::parse(word);
  return is_pattern(word) && (!label || defined.find_label(*label) == nullptr);
}

std::vector<std::string> expand_pattern(const std::string& word, const Definitions& defined,
                                        const std::optional<ParentName>& parent, const std::string& doing) {
  if (!selects_many(word, defined)) {
    return {word};
  }
  std::set<std::string> names;
  for (const Definition& definition : defined.all) {
    const bool is_here = !parent || definition.parent == *parent;
    if (is_here && definition.name && matches_pattern(definition.name->str(), word)) {
      names.insert(definition.name->str());
    }
  }
  if (names.empty()) {
    throw Error(ExitCode::not_found, fmt::format("{}: the pattern matches no name of a definition", doing),
                "list all devices: mdevadm list --all");
  }
  std::vector<std::string> sorted(names.begin(), names.end());
  std::sort(sorted.begin(), sorted.end(), natural_less);
  return sorted;
}

std::string plain_type(std::string_view word) {
  if (!word.starts_with("0x") && !word.starts_with("0X")) {
    return std::string(word);
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data() + 2, word.data() + word.size(), number, 16);
  return error == std::errc{} && end == word.data() + word.size() ? std::to_string(number)
                                                                  : std::string(word);
}

std::string resolve_parent(std::string_view word, const std::vector<std::string>& known) {
  const auto is_known = [&](const std::string& name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  };
  std::string name = kernel_spelling(word);
  if (is_known(name)) {
    return name;
  }
  std::string folded = to_lower(word);
  if (const std::string subchannel = "0.0." + folded; is_known(subchannel)) {
    return subchannel;
  }
  const auto same_letters = [&](const std::string& one) { return to_lower(one) == folded; };
  const auto match = std::find_if(known.begin(), known.end(), same_letters);
  const bool is_unique = match != known.end() && std::none_of(match + 1, known.end(), same_letters);
  return is_unique ? *match : name;
}

Identity identity_of(const Found& found) {
  const Device* device = found.active != nullptr ? found.active : found.removing;
  const auto of_active =
      std::find_if(found.definitions.begin(), found.definitions.end(), [&](const Definition* definition) {
        return device == nullptr || definition->parent == device->parent;
      });
  const Definition* definition = of_active != found.definitions.end() ? *of_active : nullptr;
  if (device != nullptr) {
    return identity_of(*device, definition, found.word);
  }
  return definition != nullptr ? identity_of(*definition, found.word)
                               : Identity{.uuid = found.uuid, .argument = found.word};
}

const Definition& require_definition(const Found& found, const std::string& doing) {
  if (found.broken != nullptr) {
    refuse_broken(*found.broken, doing);
  }
  if (found.definitions.empty() && found.active == nullptr) {
    throw Error(ExitCode::not_found,
                fmt::format("{}: no definition exists (the device is being removed)", doing),
                fmt::format("wait for it: mdevadm stop {} --timeout 60", shell_word(found.word)));
  }
  if (found.definitions.empty()) {
    throw Error(ExitCode::not_found, fmt::format("{}: no definition exists (the device is active)", doing),
                fmt::format("create a definition: mdevadm define {}", shell_word(found.word)));
  }
  if (found.definitions.size() > 1) {
    std::vector<std::string> parents;
    std::transform(found.definitions.begin(), found.definitions.end(), std::back_inserter(parents),
                   [](const Definition* definition) { return definition->parent.str(); });
    throw Error(ExitCode::conflict,
                fmt::format("{}: defined under several parents: {}", doing, join(parents, " and ")),
                "select one with --parent");
  }
  return *found.definitions.front();
}

bool is_name_of(const Type& type, std::string_view word) {
  const std::string name = to_lower(type.name.value_or(""));
  const std::string given = to_lower(word);
  return !name.empty() && (name == given || name.ends_with(" " + given));
}

const Type* resolve_type(const Parent& parent, std::string_view given) {
  const std::string word = plain_type(given);
  const std::vector<const Type*> types = parent.all_types();
  const auto the_one = [&](const auto& is_meant) -> const Type* {
    const Type* found = nullptr;
    for (const Type* type : types) {
      if (is_meant(*type)) {
        if (found != nullptr) {
          return nullptr;
        }
        found = type;
      }
    }
    return found;
  };
  if (const Type* type = the_one([&](const Type& one) { return one.id.str() == word; })) {
    return type;
  }
  if (const Type* type = the_one([&](const Type& one) { return same_type(one.id.str(), word); })) {
    return type;
  }
  return the_one([&](const Type& type) { return is_name_of(type, word); });
}

TypeName portable_type(const Snapshot& seen, const Definition& definition) {
  const std::string& id = definition.type.str();
  const Parent* parent = seen.find_parent(definition.parent.str());
  const Type* type = parent != nullptr ? resolve_type(*parent, id) : nullptr;
  const std::string* recorded = definition.abi ? find_pin(*definition.abi, "name") : nullptr;
  if (type == nullptr || !type->name || !parse_decimal(id) ||
      (recorded != nullptr && *recorded != *type->name) || resolve_type(*parent, *type->name) != type) {
    return definition.type;
  }
  return TypeName::parse(*type->name).value_or(definition.type);
}

bool means_type(const Parent* parent, const TypeName& named, const TypeName& actual) {
  if (same_type(plain_type(named.str()), actual.str())) {
    return true;
  }
  const Type* meant = parent != nullptr ? resolve_type(*parent, named.str()) : nullptr;
  const Type* type = parent != nullptr ? parent->find_type(actual.str()) : nullptr;
  if (meant != nullptr) {
    return meant->id == actual;
  }
  return is_vendor_name(named.str()) && (type == nullptr || !type->name);
}

std::vector<DriftedSetting> differences_of(const Snapshot& seen, const Device& device,
                                           const Definition& definition,
                                           const std::optional<NodePolicy>& node) {
  const std::optional<TypeName>& type = device.type;
  if (!type || *type == definition.type ||
      !means_type(seen.find_parent(definition.parent.str()), definition.type, *type)) {
    return drift_of(device, definition, node);
  }
  Definition same = definition;
  same.type = *type;
  return drift_of(device, same, node);
}

bool TypeFilter::matches(const ParentName& parent_name, const TypeName& type) const {
  const Parent* parent = seen_.find_parent(parent_name.str());
  const Type* wanted = parent != nullptr ? resolve_type(*parent, word_) : nullptr;
  const Type* has = parent != nullptr ? resolve_type(*parent, type.str()) : nullptr;
  if (wanted != nullptr && has != nullptr) {
    return wanted->id == has->id;
  }
  // The parent is missing, or its driver lists only the types that fit now.
  return same_type(type.str(), plain_type(word_)) || to_lower(type.str()) == to_lower(word_);
}

void TypeFilter::require_known(const Definitions& defined, const std::string& doing) const {
  const auto offers = [&](const Parent& parent) { return resolve_type(parent, word_) != nullptr; };
  const auto has = [&](const Device& device) { return device.type && matches(device.parent, *device.type); };
  const auto names = [&](const Definition& one) { return matches(one.parent, one.type); };
  if (std::any_of(seen_.parents.begin(), seen_.parents.end(), offers) ||
      std::any_of(seen_.devices.begin(), seen_.devices.end(), has) ||
      std::any_of(defined.all.begin(), defined.all.end(), names)) {
    return;
  }
  std::vector<std::string> known;
  for (const Parent& parent : seen_.parents) {
    for (const Type* type : parent.all_types()) {
      known.push_back(type->id.str());
      known.push_back(type->name.value_or(type->id.str()));
    }
  }
  const std::string meant = did_you_mean(word_, known);
  throw Error(ExitCode::not_found, fmt::format("{}: no parent has a type '{}'", doing, printable(word_)),
              meant.empty() ? "list types: mdevadm types" : meant);
}

void require_known_parent(const Snapshot& seen, const Definitions& defined, const std::string& name,
                          const std::string& doing) {
  const bool has_definitions = std::any_of(defined.all.begin(), defined.all.end(),
                                           [&](const Definition& one) { return one.parent.str() == name; });
  if (seen.find_parent(name) == nullptr && !has_definitions) {
    throw unknown_parent(seen, name, doing);
  }
}

}  // namespace mdevadm
