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

// Compares the nodes of a device with the policy. Of several nodes that differ in a setting, the first is
// reported.
class NodeComparison {
 public:
  NodeComparison(const Device& device, std::vector<DriftedSetting>& found) : device_(device), found_(found) {}

  void compare(const NodePolicy& policy) {
    report("node owner", policy.owner,
           [&](const Node& node) { return shown_account("user", *policy.owner, node.owner, node.user_id); });
    report("node group", policy.group, [&](const Node& node) {
      return shown_account("group", *policy.group, node.group, node.group_id);
    });
    report("node mode", policy.mode ? std::optional(in_octal(*policy.mode)) : std::nullopt,
           [](const Node& node) { return in_octal(node.mode); });
    report("node label", policy.selinux_label,
           [&](const Node& node) { return node.selinux_label.value_or(*policy.selinux_label); });
  }

 private:
  static std::string in_octal(std::uint32_t mode) { return fmt::format("{:04o}", mode); }

  // Returns the name as the policy has it if it means the account of the node, else the account's own one.
  std::string shown_account(const char* kind, const std::string& defined, const std::string& name,
                            std::uint32_t id) const {
    const auto& accounts = device_.settings.or_default().accounts;
    const auto known = accounts.find(fmt::format("{} {}", kind, defined));
    const std::optional<std::uint64_t> wanted =
        known != accounts.end() ? std::optional<std::uint64_t>(known->second) : parse_decimal(defined);
    return wanted && *wanted == id ? defined : name;
  }

  template <typename Shown>
  void report(const char* setting, const std::optional<std::string>& defined, Shown shown) {
    for (const Node& node : defined ? device_.nodes.list() : std::vector<Node>{}) {
      if (const std::string present = shown(node); present != *defined) {
        found_.push_back({setting, *defined, present});
        return;
      }
    }
  }

  const Device& device_;
  std::vector<DriftedSetting>& found_;
};

void compare_queues(const ApMatrix& present, const ApMatrix& defined, std::vector<DriftedSetting>& found) {
  for (const ApKind kind : ap_kinds) {
    if (present.of(kind) != defined.of(kind)) {
      found.push_back({fmt::format("{}s", ap_word(kind)), format_ap_list(defined.of(kind), kind),
                       format_ap_list(present.of(kind), kind)});
    }
  }
}

}  // namespace

bool DriftedSetting::is_changeable() const {
  return present && setting != "type" && setting != "vf" && setting != "aggregate";
}

std::string DriftedSetting::str(std::string_view source) const {
  const auto shown = [](const std::string& value) { return value.empty() ? "''" : printable(value); };
  return fmt::format("{} ({}: {}, device: {})", setting, source, shown(defined),
                     present ? shown(*present) : "no such attribute");
}

std::optional<NodePolicy> node_policy_of(const Definition& definition,
                                         const std::optional<NodePolicy>& of_group) {
  if (!definition.node || !of_group) {
    return definition.node ? std::optional(*definition.node) : of_group;
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
    if (times == 1 && !is_ap_attribute(attribute) && !attribute_of_type(attribute)) {
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
  const auto& present = device.settings.or_default().attributes;
  for (const Attribute& attribute : comparable_attributes(definition)) {
    const auto value = present.find(attribute.name.str());
    const bool is_known = value != present.end();
    if (is_known && !(value->second && is_same_value(trim(attribute.value), *value->second))) {
      found.push_back({"attribute " + attribute.name.str(), attribute.value, value->second});
    }
  }
  if (device.queues) {
    compare_queues(*device.queues, assigned_by(definition.attributes), found);
  }
  if (node) {
    NodeComparison(device, found).compare(*node);
  }
  return found;
}

std::string describe(const std::vector<DriftedSetting>& differences, std::string_view source) {
  std::vector<std::string> texts;
  std::transform(differences.begin(), differences.end(), std::back_inserter(texts),
                 [&](const DriftedSetting& one) { return one.str(source); });
  return join(texts, ", ");
}

}  // namespace mdevadm
