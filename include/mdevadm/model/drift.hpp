// Differences between an active device and its definition.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// A setting whose value in the definition is not the one of the active device.
struct DriftedSetting {
  std::string setting;  // "type", "vf", "aggregate", "node owner", "domains", "attribute a/b"
  std::string defined;
  std::optional<std::string> present;  // nullopt: the device has no such attribute
  bool operator==(const DriftedSetting&) const = default;

  // Returns whether it can be changed while the device is active: queues, node and attributes.
  bool is_changeable() const;
  // Returns "type (definition: mtty-2, device: mtty-1)"; `source`: what `defined` comes from.
  std::string str(std::string_view source = "definition") const;
};

// Returns the policy for the device's VFIO nodes. Each setting is that of the definition, otherwise that of
// its group; nullopt: neither has one.
std::optional<NodePolicy> node_policy_of(const Definition& definition,
                                         const std::optional<NodePolicy>& of_group);
// `group`: nullptr if the device is in no group.
std::optional<NodePolicy> node_policy_of(const Definition& definition, const Group* group);

// Returns the facets of the device that drift_of() compares with this definition.
Facet facets_to_compare(const Definition& definition, const std::optional<NodePolicy>& node);

// Returns the attributes of the definition that can be compared: those that are set once and are not commands
// to assign or unassign queues, of which the effect is compared.
std::vector<Attribute> comparable_attributes(const Definition& definition);

// Compares what has been read of the device, of all its nodes; what was not read is not a difference. Numbers
// are equal in any notation, accounts by their IDs. Create arguments cannot be read.
std::vector<DriftedSetting> drift_of(const Device& device, const Definition& definition,
                                     const std::optional<NodePolicy>& node);

// Returns "type (definition: mtty-2, device: mtty-1), attribute a (…)".
std::string describe(const std::vector<DriftedSetting>& differences, std::string_view source = "definition");

}  // namespace mdevadm
