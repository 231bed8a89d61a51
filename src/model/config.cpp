#include <mdevadm/model/config.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

bool KeptConfigs::has(const Uuid& uuid, const ParentName& parent) const {
  const auto is_it = [&](const auto& one) { return one.uuid == uuid && one.parent == parent; };
  return std::any_of(all.begin(), all.end(), is_it) || std::any_of(broken.begin(), broken.end(), is_it);
}

const KeptConfig* KeptConfigs::find(const Uuid& uuid, const ParentName& parent) const {
  const auto found = std::find_if(all.begin(), all.end(), [&](const KeptConfig& one) {
    return one.uuid == uuid && one.parent == parent;
  });
  return found == all.end() ? nullptr : &*found;
}

ConfigReading definition_of(const KeptConfig& kept) {
  const auto type = TypeName::parse(kept.config.type);
  if (!type) {
    return {std::nullopt, fmt::format("'{}' is no good as a type", printable(kept.config.type))};
  }
  Definition definition{kept.uuid, kept.parent, *type, kept.config.start};
  definition.origin = Origin::mdevctl;
  for (const ConfigAttribute& attribute : kept.config.attributes) {
    const auto name = AttributeName::parse(attribute.name);
    if (!name) {
      return {std::nullopt, fmt::format("'{}' is no good as an attribute", printable(attribute.name))};
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
  return keys;
}

}  // namespace mdevadm
