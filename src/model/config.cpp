#include <mdevadm/model/config.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>
#include <tuple>

namespace mdevadm {

namespace {

// Binary search: the lists are sorted and may have thousands of entries.
template <typename Stored>
const Stored* find_sorted(const std::vector<Stored>& all, const Uuid& uuid, const ParentName& parent) {
  const auto found = std::lower_bound(
      all.begin(), all.end(), std::tie(parent, uuid),
      [](const Stored& one, const auto& key) { return std::tie(one.parent, one.uuid) < key; });
  return found != all.end() && found->uuid == uuid && found->parent == parent ? &*found : nullptr;
}

}  // namespace

bool KeptConfigs::has(const Uuid& uuid, const ParentName& parent) const {
  return find(uuid, parent) != nullptr || find_sorted(broken, uuid, parent) != nullptr;
}

const StoredConfig* KeptConfigs::find(const Uuid& uuid, const ParentName& parent) const {
  return find_sorted(all, uuid, parent);
}

ConfigReading definition_of(const StoredConfig& stored) {
  const auto type = TypeName::parse(stored.config.type);
  if (!type) {
    return {std::nullopt, fmt::format("invalid type '{}'", printable(stored.config.type))};
  }
  Definition definition{stored.uuid, stored.parent, *type, stored.config.start};
  definition.origin = Origin::mdevctl;
  for (const ConfigAttribute& attribute : stored.config.attributes) {
    const auto name = AttributeName::parse(attribute.name);
    if (!name) {
      return {std::nullopt, fmt::format("invalid attribute '{}'", printable(attribute.name))};
    }
    definition.attributes.push_back({*name, attribute.value});
  }
  return {definition, {}};
}

Config config_of(const Definition& definition) {
  Config config{definition.type.str(), definition.start};
  for (const Attribute& attribute : definition.attributes) {
    config.attributes.push_back({attribute.name.str(), attribute.value});
  }
  return config;
}

std::vector<std::string> beyond_config(const Definition& definition) {
  std::vector<std::string> keys;
  const auto note = [&](bool is_set, const char* key) {
    if (is_set) {
      keys.emplace_back(key);
    }
  };
  note(definition.name.has_value(), "name");
  note(definition.aggregate.has_value(), "aggregate");
  note(definition.create_args.has_value(), "create_args");
  note(definition.node.has_value(), "node");
  note(definition.function.has_value(), "vf");
  note(definition.abi.has_value(), "abi");
  note(definition.applied_by.has_value(), "applied_by");
  return keys;
}

}  // namespace mdevadm
