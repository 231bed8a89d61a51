#include <mdevadm/model/drift.hpp>
#include <mdevadm/model/vgpu_name.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

// Parses a number as drivers print them: decimal or 0x….
std::optional<std::uint64_t> number_in(std::string_view text) {
  const bool is_hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  if (!is_hexadecimal) {
    return parse_decimal(text);
  }
  text.remove_prefix(2);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// Returns whether a driver that was given `written` may show it as `shown`.
bool is_same_value(std::string_view written, std::string_view shown) {
  const auto a = number_in(written);
  return written == shown || (a && a == number_in(shown));
}

// Returns whether an account is the one that the policy names; an ID cannot be compared with a name.
bool is_same_account(const std::string& defined, const std::string& present) {
  return defined == present || (parse_decimal(defined) && !parse_decimal(present));
}

void compare_node(const Node& node, const NodePolicy& policy, std::vector<DriftedSetting>& found) {
  if (policy.owner && !is_same_account(*policy.owner, node.owner)) {
    found.push_back({"node owner", *policy.owner, node.owner});
  }
  if (policy.group && !is_same_account(*policy.group, node.group)) {
    found.push_back({"node group", *policy.group, node.group});
  }
  if (policy.mode && *policy.mode != node.mode) {
    found.push_back({"node mode", fmt::format("{:04o}", *policy.mode), fmt::format("{:04o}", node.mode)});
  }
}

void compare_queues(const ApMatrix& present, const ApMatrix& defined, std::vector<DriftedSetting>& found) {
  for (const ApKind kind : ap_kinds) {
    if (present.of(kind) != defined.of(kind)) {
      found.push_back({fmt::format("{}s", ap_word(kind)), format_ap_list(defined.of(kind), kind),
                       format_ap_list(present.of(kind), kind)});
    }
  }
}

}  // namespace

std::string DriftedSetting::str() const {
  const auto shown = [](const std::string& value) { return value.empty() ? "''" : printable(value); };
  return fmt::format("{} (definition: {}, device: {})", setting, shown(defined), shown(present));
}

std::optional<NodePolicy> node_policy_of(const Definition& definition,
                                         const std::optional<NodePolicy>& of_group) {
  if (!definition.node || !of_group) {
    return definition.node ? definition.node : of_group;
  }
  const NodePolicy& own = *definition.node;
  return NodePolicy{own.owner ? own.owner : of_group->owner, own.group ? own.group : of_group->group,
                    own.mode ? own.mode : of_group->mode,
                    own.selinux_label ? own.selinux_label : of_group->selinux_label};
}

std::optional<NodePolicy> node_policy_of(const Definition& definition, const Group* group) {
  return node_policy_of(definition, group != nullptr ? group->node : std::nullopt);
}

Facet facets_to_compare(const Definition& definition, const std::optional<NodePolicy>& node) {
  Facet facets = Facet::devices;
  facets |= node ? Facet::nodes : Facet::none;
  facets |= definition.aggregate ? Facet::units : Facet::none;
  facets |= has_queues(definition.type.str()) ? Facet::queues : Facet::none;
  facets |= is_vendor_name(definition.type.str()) ? Facet::types | Facet::type_name : Facet::none;
  return facets;
}

std::vector<Attribute> comparable_attributes(const Definition& definition) {
  std::vector<Attribute> found;
  for (const Attribute& attribute : definition.attributes) {
    const auto times = std::count_if(definition.attributes.begin(), definition.attributes.end(),
                                     [&](const Attribute& other) { return other.name == attribute.name; });
    if (times == 1 && !is_ap_attribute(attribute)) {
      found.push_back(attribute);
    }
  }
  return found;
}

std::vector<DriftedSetting> drift_of(const Device& device, const Definition& definition,
                                     const std::optional<NodePolicy>& node) {
  std::vector<DriftedSetting> found;
  if (device.type && !same_type(device.type->str(), definition.type.str())) {
    found.push_back({"type", definition.type.str(), device.type->str()});
  }
  const FunctionName* vf = definition.reserved_vf();
  if (vf != nullptr && !device.vf.empty() && device.vf != vf->str()) {
    found.push_back({"vf", vf->str(), device.vf});
  }
  if (definition.aggregate && device.units && *device.units != *definition.aggregate) {
    found.push_back({"aggregate", std::to_string(*definition.aggregate), std::to_string(*device.units)});
  }
  for (const Attribute& attribute : comparable_attributes(definition)) {
    const auto value = device.attributes.find(attribute.name.str());
    const bool is_known = value != device.attributes.end();
    if (is_known && !is_same_value(trim(attribute.value), value->second)) {
      found.push_back({"attribute " + attribute.name.str(), attribute.value, value->second});
    }
  }
  if (device.queues) {
    compare_queues(*device.queues, assigned_by(definition.attributes), found);
  }
  if (node && !device.nodes.empty()) {
    compare_node(device.nodes.front(), *node, found);
  }
  return found;
}

std::string describe(const std::vector<DriftedSetting>& differences) {
  std::vector<std::string> texts;
  std::transform(differences.begin(), differences.end(), std::back_inserter(texts),
                 [](const DriftedSetting& one) { return one.str(); });
  return join(texts, ", ");
}

}  // namespace mdevadm
