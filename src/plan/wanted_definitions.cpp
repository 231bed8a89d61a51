#include "wanted_definitions.hpp"

#include <algorithm>
#include <array>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/restart.hpp>
#include <tuple>
#include <utility>

namespace mdevadm {

void WantedDefinitions::complete_all(const std::vector<const Definition*>& pruned) {
  after_ = input_.defined;
  std::for_each(pruned.begin(), pruned.end(), [&](const Definition* gone) { drop(*gone); });
  for (const WantedDevice& device : devices_.all()) {
    const bool moves =
        device.current != nullptr && device.placed && device.wanted.parent != device.current->parent;
    if (moves || (device.current != nullptr && device.faulty)) {
      drop(*device.current);
    }
  }
  const std::vector<Uuid> leaving = devices_.leaving(pruned);
  if (!leaving.empty()) {
    stopped_ = after_stop(input_.seen, leaving, input_.defined);
  }
  // All definitions change at once, so a device may get the virtual function or name that another one gives
  // up.
  for (const WantedDevice& device : devices_.all()) {
    if (Definition* place = device.placed ? find(device) : nullptr) {
      *place = device.wanted;
    }
  }
  // The virtual functions that the description gives are not free for the others.
  for (const bool is_given : {true, false}) {
    for (WantedDevice& device : devices_.all()) {
      if (device.is_planned() && is_given == (device.entry->settings.reserved_vf() != nullptr)) {
        complete(device);
      }
    }
  }
}

const Job* WantedDefinitions::job_of(const WantedDevice& device) const {
  const auto job = jobs_.find(&device);
  return job != jobs_.end() ? &job->second : nullptr;
}

void WantedDefinitions::drop(const Definition& gone) {
  std::erase_if(after_.all,
                [&](const Definition& one) { return one.uuid == gone.uuid && one.parent == gone.parent; });
}

Definition* WantedDefinitions::find(const WantedDevice& device) {
  const auto place = std::find_if(after_.all.begin(), after_.all.end(), [&](const Definition& one) {
    return one.uuid == device.uuid && one.parent == device.wanted.parent;
  });
  return place != after_.all.end() ? &*place : nullptr;
}

void WantedDefinitions::complete(WantedDevice& device) {
  Definition* place = find(device);
  try {
    devices_.require_own_queues(device);
    if (device.current == nullptr) {
      Job job = plan_job(device, device.wanted);
      auto& added = std::get<AddDefinition>(job.steps.front().action);
      added.takes_over_name = takes_over_name(device);
      device.wanted = added.definition;
      after_.all.push_back(device.wanted);
      jobs_.emplace(&device, std::move(job));
      return;
    }
    if (device.wanted.parent == device.current->parent) {
      reserve_function(device);
    }
    if (device.wanted != *device.current) {
      Job job = plan_job(device, device.wanted);
      Step& step = job.steps.front();
      for (Action* action : {&step.action, &*step.undo}) {
        std::get<ReplaceDefinition>(*action).takes_over_name = takes_over_name(device);
      }
      device.wanted = std::get<ReplaceDefinition>(step.action).after;
      jobs_.emplace(&device, std::move(job));
    }
    if (place != nullptr) {
      *place = device.wanted;
    } else {
      after_.all.push_back(device.wanted);
    }
  } catch (const Error& error) {
    if (devices_.is_failed(device.wanted.parent)) {
      devices_.refuse_unprepared(device, {device.wanted.parent});
      return;
    }
    if (devices_.is_any_unstopped()) {
      device.refused = true;
      plan_.refused.push_back({device.about(), error});
      return;
    }
    const FilePosition& where = cause_of_refusal(device);
    plan_.problems.push_back(
        {{where.path, where.line, where.column, error.what()}, error.code(), error.hints()});
    drop(device.wanted);
    device.give_up();
  }
}

// Returns the job that writes a definition of the device.
Job WantedDefinitions::plan_job(const WantedDevice& device, const Definition& wanted) const {
  return device.current == nullptr
             ? plan_define(later(), after_, {wanted, std::nullopt, FitsHost::required, {}, {}, false})
             : plan_replace(later(), after_, *device.current, wanted);
}

// Returns the position of the key without which the definition of the device would not be refused, or that of
// the entry.
const FilePosition& WantedDefinitions::cause_of_refusal(const WantedDevice& device) const {
  using Reset = void (*)(Definition&);
  static constexpr std::array<std::pair<const char*, Reset>, 4> keys{{
      {"vf", [](Definition& one) { one.function.reset(); }},
      {"aggregate", [](Definition& one) { one.aggregate.reset(); }},
      {"create_args", [](Definition& one) { one.create_args.reset(); }},
      {"attribute", [](Definition& one) { one.attributes.clear(); }},
  }};
  for (const auto& [key, reset] : keys) {
    const bool is_given = device.entry->keys.contains(key);
    Definition without = device.wanted;
    reset(without);
    try {
      if (is_given) {
        std::ignore = plan_job(device, without);
        return device.entry->at(key);
      }
    } catch (const Error&) {
      continue;  // another key is wrong
    }
  }
  return device.entry->where;
}

// Returns whether the name of a device belongs to another definition that the description renames.
bool WantedDefinitions::takes_over_name(const WantedDevice& device) const {
  const Definition* owner = device.wanted.name ? input_.defined.find_label(*device.wanted.name) : nullptr;
  return owner != nullptr && owner->uuid != device.uuid;
}

// A device that is started gets a virtual function of its own now, so that starts planned independently do
// not choose the same.
void WantedDefinitions::reserve_function(WantedDevice& device) const {
  const Parent* parent = input_.seen.find_parent(device.wanted.parent.str());
  if (parent == nullptr || !parent->capabilities.functions || device.wanted.function ||
      !device.entry->active || device.wanted.origin != Origin::mdevadm ||
      devices_.is_unprepared(device.wanted.parent)) {
    return;
  }
  const Device* active = devices_.active_of(*device.current);
  const bool stays =
      active != nullptr && !active->vf.empty() && !input_.defined.withholds(active->parent, active->vf);
  device.wanted.function = stays ? FunctionName::parse(active->vf.str())
                                 : function_for(later(), after_, device.wanted, "cannot apply");
}

}  // namespace mdevadm
