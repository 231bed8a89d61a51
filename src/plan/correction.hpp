// Corrections of active devices by `apply`. Internal header.
#pragma once

#include <mdevadm/model/drift.hpp>
#include <mdevadm/plan/apply.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// An active device whose definition matches the description. It is corrected without a stop and without a
// loss for its users, or not at all.
class Correction {
 public:
  // `after`: the definitions when the description is applied; `group`: in which the device is then, or
  // nullptr. All must outlive the correction.
  Correction(const ApplyInput& input, const Definitions& after, const Definition& definition,
             const Device& active, const Group* group);

  // Returns the settings in which the device differs from its definition.
  const std::vector<DriftedSetting>& drift() const { return drift_; }
  // Returns whether all of them can be corrected.
  bool is_possible() const;
  // Returns the note about a device that is not corrected, with the command that does it.
  std::string note() const;

  HostChange change() const;
  // Returns the job that corrects the device. Throws Error if that is not possible now: in_use (a user of the
  // device would lose queues), or as plan_modify_live().
  Job plan() const;
  // Returns the job for VFIO nodes that were not compared because the group had no setting for them before.
  Job own_nodes() const;

 private:
  const ApplyInput& input_;
  const Definitions& after_;
  const Definition& definition_;
  const Device& active_;
  const Group* group_;
  std::vector<DriftedSetting> drift_;
};

}  // namespace mdevadm
