#include <mdevadm/plan/resolve.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

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
      "give more digits"};
}

Uuid uuid_of(std::string_view word, const Snapshot& seen, const Definitions& defined,
             const std::string& doing) {
  if (const auto uuid = Uuid::parse(word)) {
    return *uuid;
  }
  if (const auto label = Label::parse(word)) {
    if (const Definition* definition = defined.find_label(*label)) {
      return definition->uuid;
    }
  }
  const bool could_begin = is_beginning(word);
  if (could_begin && word.size() >= shortest_beginning) {
    const std::set<Uuid> uuids = uuids_that_begin(word, seen, defined);
    if (uuids.size() > 1) {
      throw ambiguous(uuids, doing);
    }
    if (!uuids.empty()) {
      return *uuids.begin();
    }
  }
  if (const std::string why = why_no_uuid(word); !why.empty()) {
    throw Error(ExitCode::usage, fmt::format("{}: invalid UUID: {}", doing, why),
                "list all devices: mdevadm list --all");
  }
  std::vector<std::string> labels;
  for (const Definition& definition : defined.all) {
    if (definition.name) {
      labels.push_back(definition.name->str());
    }
  }
  const std::string meant = did_you_mean(word, labels);
  throw Error(ExitCode::not_found,
              fmt::format("{}: no device or definition with this name, UUID or UUID prefix", doing),
              could_begin && word.size() < shortest_beginning ? "a UUID prefix needs at least 4 digits"
              : !meant.empty()                                ? meant
                                                              : "list all devices: mdevadm list --all");
}

}  // namespace

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
  Found found{uuid_of(word, seen, defined, doing), nullptr, {}};
  const Device* device = seen.find_device(found.uuid);
  if (device != nullptr && (!parent || *parent == device->parent)) {
    found.active = device;
  }
  for (const Definition* definition : defined.find(found.uuid)) {
    if (!parent || *parent == definition->parent) {
      found.definitions.push_back(definition);
    }
  }
  if (found.active == nullptr && found.definitions.empty()) {
    for (const FileProblem& broken : defined.broken) {
      if (broken.path.find(found.uuid.str()) != std::string::npos) {
        throw Error(ExitCode::failed,
                    fmt::format("{}: its definition cannot be used: {}", doing, broken.str()),
                    "fix or remove the file");
      }
    }
    const std::string where = parent ? fmt::format(" under {}", parent->str()) : std::string{};
    throw Error(ExitCode::not_found, fmt::format("{}: not active and not defined{}", doing, where),
                "list all devices: mdevadm list --all");
  }
  return found;
}

const Definition& require_definition(const Found& found, const std::string& doing) {
  if (found.definitions.empty()) {
    throw Error(
        ExitCode::not_found, fmt::format("{}: no definition exists (the device is active)", doing),
        fmt::format("to create a definition: mdevadm define {0}; to remove the device: mdevadm stop {0}",
                    found.uuid.str()));
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

const Type* resolve_type(const Parent& parent, std::string_view word) {
  const auto the_one = [&](const auto& is_meant) -> const Type* {
    const Type* found = nullptr;
    for (const Type& type : parent.types) {
      if (is_meant(type)) {
        if (found != nullptr) {
          return nullptr;
        }
        found = &type;
      }
    }
    return found;
  };
  if (const Type* type = parent.find_type(std::string(word))) {
    return type;
  }
  if (const Type* type = the_one([&](const Type& one) { return same_type(one.id.str(), word); })) {
    return type;
  }
  const std::string name = to_lower(word);
  return the_one([&](const Type& type) {
    const std::string other = to_lower(type.name.value_or(""));
    return !other.empty() && (other == name || other.ends_with(" " + name));
  });
}

}  // namespace mdevadm
