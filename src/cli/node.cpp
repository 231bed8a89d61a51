#include "node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/drift.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/util/text.hpp>

#include "context.hpp"

namespace mdevadm::cli {

namespace {

bool is_node_of(const Device& device, const std::string& kernel_name) {
  return std::any_of(device.nodes.begin(), device.nodes.end(),
                     [&](const Node& node) { return node.path.ends_with("/" + kernel_name); });
}

std::string describe(const Device& device, const NodePolicy& policy) {
  std::string text = fmt::format("MDEVADM_UUID={}\n", device.uuid.str());
  // A newline in a value would be read as another property.
  if (policy.owner && !has_control_bytes(*policy.owner)) {
    text += fmt::format("MDEVADM_NODE_OWNER={}\n", *policy.owner);
  }
  if (policy.group && !has_control_bytes(*policy.group)) {
    text += fmt::format("MDEVADM_NODE_GROUP={}\n", *policy.group);
  }
  if (policy.mode) {
    text += fmt::format("MDEVADM_NODE_MODE={:04o}\n", *policy.mode);
  }
  return text;
}

}  // namespace

std::string node_properties(const std::string& kernel_name, const Env& env) {
  try {
    Messages messages(env);
    messages.set_quiet();
    const Globals globals;
    const Context context(env, globals, messages);
    const Snapshot seen =
        context.observe({Facet::devices | Facet::iommu_group | Facet::nodes, std::nullopt, std::nullopt});
    for (const Device& device : seen.devices) {
      if (!is_node_of(device, kernel_name)) {
        continue;
      }
      const Definitions defined = load_definitions({context.host(), context.store()}, device.parent);
      const Definition* definition = defined.find(device.uuid, device.parent);
      if (definition == nullptr) {
        continue;
      }
      const Groups groups = context.store().load_groups();
      const Group* group = groups.of(*definition);
      return describe(device, node_policy_of(*definition, group).value_or(NodePolicy{}));
    }
  } catch (const std::exception&) {
    return {};
  }
  return {};
}

}  // namespace mdevadm::cli
