#include "correction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/drift_advice.hpp>
#include <mdevadm/plan/live.hpp>
#include <mdevadm/plan/resolve.hpp>

namespace mdevadm {

namespace {

// Whether a driver accepts an attribute while the device is in use, and shows it as it was written, is not
// known: attributes are written on request only.
bool is_correctable(const DriftedSetting& setting) {
  return setting.is_changeable() && !setting.setting.starts_with("attribute ");
}

}  // namespace

Correction::Correction(const ApplyInput& input, const Definitions& after, const Definition& definition,
                       const Device& active, const Group* group)
    : input_(input),
      after_(after),
      definition_(definition),
      active_(active),
      group_(group),
      drift_(differences_of(input.seen, active, definition, node_policy_of(definition, group))) {}

bool Correction::is_possible() const {
  return std::all_of(drift_.begin(), drift_.end(), is_correctable);
}

std::string Correction::note() const {
  const Identity about = identity_of(definition_);
  return fmt::format(
      "{}: the active device differs from its definition, and apply does not change that: {}; {}",
      about.quoted(), describe(drift_), advice_on_differences(about, drift_));
}

HostChange Correction::change() const {
  HostChange change{HostChange::Kind::correct, HostChange::Object::device, identity_of(definition_)};
  for (const DriftedSetting& one : drift_) {
    change.differences.push_back({one.setting, one.present, one.defined});
  }
  return change;
}

Job Correction::plan() const {
  Device device = active_;
  const Device* used = input_.users != nullptr ? input_.users->find_device(active_.uuid) : nullptr;
  if (used != nullptr) {
    device.busy = used->busy;
    device.holders = used->holders;
  }
  LiveRequest request{.device = &device, .definition = &definition_};
  request.claim = input_.users != nullptr ? input_.users->claims.find(device.uuid) : nullptr;
  request.of_group = group_ != nullptr ? group_->node : std::nullopt;
  request.spares_users = true;
  Job job = plan_modify_live(input_.seen, after_, request);
  job.notes.clear();  // they repeat the differences
  return job;
}

Job Correction::own_nodes() const {
  const Identity about = identity_of(definition_);
  Job job{.goal = "modify " + about.quoted(), .about = about, .lane = active_.parent.str()};
  const std::optional<NodePolicy> node = node_policy_of(definition_, group_);
  if (node && node != node_policy_of(definition_, input_.groups.of(definition_))) {
    job.steps.push_back({OwnNode{active_, *node}, std::nullopt});
  }
  return job;
}

}  // namespace mdevadm
