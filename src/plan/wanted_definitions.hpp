// The definitions of the devices that a description asks for, as they are to be. Internal header.
#pragma once

#include <map>
#include <mdevadm/plan/apply.hpp>
#include <optional>
#include <vector>

#include "wanted_devices.hpp"

namespace mdevadm {

// Completes the definitions of devices that have been placed: gives them virtual functions and the recorded
// guest ABI. Checks all that change.
class WantedDefinitions {
 public:
  WantedDefinitions(const ApplyInput& input, ApplyPlan& plan, WantedDevices& devices)
      : input_(input), plan_(plan), devices_(devices) {}

  // `pruned`: definitions that are removed.
  void complete_all(const std::vector<const Definition*>& pruned);

  // The definitions when the plan is carried out.
  const Definitions& after() const { return after_; }
  // The state to expect when all devices that leave have been stopped.
  const Snapshot& later() const { return stopped_ ? *stopped_ : input_.seen; }
  // Returns the job that writes the definition, or nullptr if it does not change.
  const Job* job_of(const WantedDevice& device) const;

 private:
  void drop(const Definition& gone);
  Definition* find(const WantedDevice& device);
  void complete(WantedDevice& device);
  Job plan_job(const WantedDevice& device, const Definition& wanted) const;
  const FilePosition& cause_of_refusal(const WantedDevice& device) const;
  void reserve_function(WantedDevice& device) const;
  bool takes_over_name(const WantedDevice& device) const;

  const ApplyInput& input_;
  ApplyPlan& plan_;
  WantedDevices& devices_;
  Definitions after_{};
  std::optional<Snapshot> stopped_{};
  std::map<const WantedDevice*, Job> jobs_{};
};

}  // namespace mdevadm
