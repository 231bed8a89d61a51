#include <mdevadm/plan/abi.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/model/property.hpp>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

// Properties that describe the capacity of the host and are not visible to the guest.
constexpr std::array not_of_the_guest{"max_instance", "aggregation", "weight"};

std::vector<Property> guest_properties(const std::string& description) {
  std::vector<Property> properties = parse_properties(description);
  std::erase_if(properties, [](const Property& one) {
    return std::find(not_of_the_guest.begin(), not_of_the_guest.end(), one.name) != not_of_the_guest.end();
  });
  return properties;
}

const Property* find_property(const std::vector<Property>& properties, const std::string& name) {
  const auto found = std::find_if(properties.begin(), properties.end(),
                                  [&](const Property& one) { return one.name == name; });
  return found == properties.end() ? nullptr : &*found;
}

std::string normal(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::vector<std::string> words;
  for (const std::string_view word : split(text, ' ')) {
    if (!trim(word).empty()) {
      words.emplace_back(trim(word));
    }
  }
  return join(words, " ");
}

std::string was(const std::string& what, const std::string& before, const std::string& now) {
  return fmt::format("{}: defined '{}', now '{}'", what, printable(before), printable(now));
}

// Compares property by property, because interfaces report descriptions in different formats and orders.
void compare_descriptions(const std::string& before, const std::string& now,
                          std::vector<AbiDifference>& into) {
  const std::vector<Property> old_properties = guest_properties(before);
  const std::vector<Property> new_properties = guest_properties(now);
  if (old_properties.empty() || new_properties.empty()) {
    if (normal(before) != normal(now)) {
      into.push_back({was("description", normal(before), normal(now)), true});
    }
    return;
  }
  for (const Property& one : old_properties) {
    const Property* other = find_property(new_properties, one.name);
    if (other == nullptr) {
      into.push_back(
          {fmt::format("{}: defined '{}', no longer reported", one.name, printable(one.text)), true});
    } else if (other->value != one.value) {
      into.push_back({was(one.name, one.text, other->text), true});
    }
  }
}

}  // namespace

Abi pins_of(const Parent& parent, const Type& type) {
  Abi abi;
  const auto pin = [&](const char* name, const std::optional<std::string>& value) {
    if (value && !value->empty()) {
      // Files of definitions are UTF-8; drivers print what they like.
      abi.push_back({name, is_utf8(*value) ? *value : printable(*value)});
    }
  };
  // In alphabetical order, in which a stored ABI is read back, so that both compare equal.
  pin("description", type.description ? std::optional(normal(*type.description)) : std::nullopt);
  pin("device_api", type.device_api);
  pin("driver", parent.driver);
  pin("driver_version", parent.driver_version);
  pin("migration_version", type.migration_version);
  pin("name", type.name);
  pin("pci_id", parent.pci_id);
  pin("pci_subsystem", parent.pci_subsystem);
  return abi;
}

std::vector<AbiDifference> compare_abi(const Abi& pinned, const Abi& now) {
  std::vector<AbiDifference> differences;
  for (const Pin& pin : pinned) {
    const std::string* value = find_pin(now, pin.name);
    if (value == nullptr || pin.name == "migration_version") {
      continue;
    }
    if (pin.name == "description") {
      compare_descriptions(pin.value, *value, differences);
    } else if (pin.value != *value) {
      // If either side has no description, the type name is the only evidence of what the guest detects.
      const bool may_not_matter =
          pin.name == "driver_version" || (pin.name == "name" && find_pin(pinned, "description") != nullptr &&
                                           find_pin(now, "description") != nullptr);
      differences.push_back({was(pin.name, pin.value, *value), !may_not_matter});
    }
  }
  return differences;
}

std::vector<std::string> require_same_abi(const Parent& parent, const Type& type,
                                          const Definition& definition, const std::string& doing) {
  const Abi recorded = definition.abi.value_or(Abi{});
  std::vector<std::string> refused, minor;
  for (AbiDifference& difference : compare_abi(recorded, pins_of(parent, type))) {
    (difference.changes_guest ? refused : minor).push_back(std::move(difference.text));
  }
  const std::string* version = find_pin(recorded, "migration_version");
  if (version != nullptr && !type.migration_version && type.device_api) {
    refused.push_back(
        fmt::format("migration_version: defined '{}', no longer reported", printable(*version)));
  }
  if (!refused.empty()) {
    std::vector<std::string> hints{"accept the new ABI with --accept-abi"};
    if (const Type* now = renumbered_type(parent, definition)) {
      hints.insert(hints.begin(), advice_to_renumber(definition, *now));
    }
    throw Error(ExitCode::abi_differs,
                fmt::format("{}: guest ABI differs from the definition: {}", doing, join(refused, "; ")),
                hints);
  }
  return minor;
}

std::optional<Type> recorded_type(const Parent& parent, const Definition& definition) {
  const Type type = with_recorded_name({.id = definition.type, .available = 0}, definition);
  const bool is_possible = parent.capabilities.types_vanish && parent.unlisted.empty() && type.name;
  return is_possible ? std::optional(type) : std::nullopt;
}

Type with_recorded_name(Type type, const Definition& definition) {
  const std::string* name = definition.abi ? find_pin(*definition.abi, "name") : nullptr;
  if (!type.name && name != nullptr) {
    type.name = *name;
  }
  return type;
}

std::string other_model(const Parent& parent, const Definition& definition) {
  const std::string* recorded = definition.abi ? find_pin(*definition.abi, "pci_id") : nullptr;
  return recorded == nullptr || !parent.pci_id || *parent.pci_id == *recorded
             ? std::string{}
             : fmt::format("it is {}, and the definition was made for {}", *parent.pci_id,
                           printable(*recorded));
}

const Type* renumbered_type(const Parent& parent, const Definition& definition) {
  const std::string* name = definition.abi ? find_pin(*definition.abi, "name") : nullptr;
  const Type* now = resolve_type(parent, definition.type.str());
  if (name == nullptr || (now != nullptr && (!now->name || *now->name == *name))) {
    return nullptr;
  }
  for (const Type* type : parent.all_types()) {
    if (type->name == *name) {
      return type;
    }
  }
  return nullptr;
}

std::string advice_to_renumber(const Definition& definition, const Type& type) {
  return fmt::format("'{}' is now type {}, so change the definition: mdevadm modify {} -t {}",
                     printable(type.name.value_or("")), type.id.str(),
                     shell_word(identity_of(definition).word()), shell_word(type.name.value_or("")));
}

}  // namespace mdevadm
