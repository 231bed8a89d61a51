#include <mdevadm/plan/drift_advice.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/probe.hpp>
#include <mdevadm/plan/resolve.hpp>

namespace mdevadm {

namespace {

// Returns whether the definition moves the active device to another virtual function at its next start.
bool changes_function(const Device& device, const Definition& before, const Definition& after) {
  const FunctionName* vf = after.reserved_vf();
  return after.function != before.function && vf != nullptr && device.vf.str() != vf->str();
}

// Returns whether a device started from `after` differs from the active one, as far as the definition has
// changed.
bool changes_device(const Device& device, const Definition& before, const Definition& after) {
  return after.type != before.type || after.attributes != before.attributes ||
         after.aggregate != before.aggregate || after.create_args != before.create_args ||
         changes_function(device, before, after) || after.node != before.node;
}

std::vector<Attribute> queue_attributes(std::vector<Attribute> attributes) {
  std::erase_if(attributes, [](const Attribute& one) { return !is_ap_attribute(one); });
  return attributes;
}

bool contains(const std::vector<Attribute>& attributes, const Attribute& wanted) {
  return std::find(attributes.begin(), attributes.end(), wanted) != attributes.end();
}

// Returns whether all attributes that change, except those for queues, can be compared with the device and
// were read. One that the definition no longer sets cannot: its former value is not known.
bool are_comparable(const Device& device, const Definition& before, const Definition& after) {
  const std::vector<Attribute> comparable = comparable_attributes(after);
  const auto& present = device.settings.or_default().attributes;
  const auto is_set_in_after = [&](const Attribute& one) {
    return std::any_of(comparable.begin(), comparable.end(),
                       [&](const Attribute& other) { return other.name == one.name; });
  };
  const auto is_fine = [&](const Attribute& one, const Definition& other) {
    return is_ap_attribute(one) || contains(other.attributes, one) ||
           (is_set_in_after(one) && present.contains(one.name.str()));
  };
  return std::all_of(before.attributes.begin(), before.attributes.end(),
                     [&](const Attribute& one) { return is_fine(one, after); }) &&
         std::all_of(after.attributes.begin(), after.attributes.end(),
                     [&](const Attribute& one) { return is_fine(one, before); });
}

// Returns whether the definition no longer has a setting of the VFIO nodes.
bool removes_node_setting(const Definition& before, const Definition& after) {
  const NodePolicy had = before.node.value_or(NodePolicy{});
  const NodePolicy has = after.node.value_or(NodePolicy{});
  return (had.owner && !has.owner) || (had.group && !has.group) || (had.mode && !has.mode) ||
         (had.selinux_label && !has.selinux_label);
}

// Returns whether the difference includes settings that cannot be compared with the active device, or that it
// cannot change.
bool needs_restart(const Device& device, const Definition& before, const Definition& after) {
  return after.type != before.type || after.aggregate != before.aggregate ||
         after.create_args != before.create_args || changes_function(device, before, after) ||
         removes_node_setting(before, after) || !are_comparable(device, before, after);
}

// Returns whether the queues and nodes of the device were read, if they change.
bool is_read(const Device& device, const Definition& before, const Definition& after) {
  const bool changes_queues = queue_attributes(before.attributes) != queue_attributes(after.attributes);
  const bool has_label = std::all_of(device.nodes.begin(), device.nodes.end(),
                                     [](const Node& node) { return node.selinux_label.has_value(); }) ||
                         !after.node || !after.node->selinux_label;
  return (!changes_queues || device.queues) &&
         (after.node == before.node || (!device.nodes.empty() && has_label));
}

}  // namespace

std::string advice_on_differences(const Identity& about, const std::vector<DriftedSetting>& differences) {
  const bool are_changeable = std::all_of(differences.begin(), differences.end(),
                                          [](const DriftedSetting& one) { return one.is_changeable(); });
  return are_changeable ? advice_to_apply(about) : advice_to_restart(about);
}

std::optional<std::string> note_on_active(const Snapshot& seen, const Device& device,
                                          const Definition& before, const Definition& after,
                                          const Identity& about) {
  if (!changes_device(device, before, after)) {
    return std::nullopt;
  }
  const std::vector<DriftedSetting> differences = differences_of(seen, device, after, after.node);
  const bool restarts = needs_restart(device, before, after);
  if (!restarts && differences.empty() && is_read(device, before, after)) {
    return std::nullopt;
  }
  return fmt::format("{} is active; the change takes effect at its next start; {}", about.quoted(),
                     restarts ? advice_to_restart(about) : advice_on_differences(about, differences));
}

Finding undefined_device(const Device& device, const Definitions& defined) {
  Finding finding{fmt::format("the device is active without a definition{}, so it is not started again after "
                              "a reboot",
                              device.unmanaged ? " (created by another program)" : ""),
                  {},
                  "device-undefined",
                  Severity::info};
  const bool is_reserved =
      !device.vf.empty() && reserved_for(defined, device.parent, device.vf, device.uuid) != nullptr;
  if (is_of_probe(device)) {
    finding.what = "the device was created by a probe, which is still running or was killed";
    finding.advice = {"if no probe is running, remove the device: mdevadm stop " + device.uuid.str()};
  } else if (device.queues_unreadable) {
    finding.advice = {
        "create a definition with the options --parent, --type, --adapter and --domain of mdevadm define"};
  } else {
    finding.advice = {
        (is_reserved ? "show the device: mdevadm show " : "create a definition: mdevadm define ") +
        device.uuid.str()};
  }
  return finding;
}

}  // namespace mdevadm
