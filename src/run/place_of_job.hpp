// The virtual function (VF) of a device while its job is executed: another one than planned if the driver
// refuses that. Internal header.
#pragma once

#include <functional>
#include <mdevadm/run/executor.hpp>
#include <string>
#include <vector>

#include "perform.hpp"

namespace mdevadm {

// The VF of a device takes no vGPU, although its GPU has room for it.
class FunctionRefused final : public Error {
 public:
  enum class Why {
    refused,  // by the driver
    taken,    // by another process, since the plan was made
  };

  FunctionRefused(const Error& error, Why why) : Error(error), why_(why) {}

  Why why() const { return why_; }

 private:
  Why why_;
};

class PlaceOfJob {
 public:
  // Performs the action on the VF that the job uses now. If the driver refuses the VF of a CreateDevice, or
  // another process has taken it, tries the other ones that the action names. What is learned of VFs is
  // recorded; a warning names those that have refused.
  void perform(const Action& action, const Job& job, const Effects& effects, JobResult& result,
               const Waiting& waiting);

  // Returns the action as it is performed on that VF.
  Action as_performed(Action action) const;

 private:
  void create(CreateDevice action, const Job& job, const Effects& effects, JobResult& result,
              const Waiting& waiting);

  // Writes the record of the unfinished start again, for the VF that is tried now.
  void record_place(const Job& job, const Effects& effects, JobResult& result, const Waiting& waiting) const;

  std::string planned_{};  // the address of the VF; empty: the job uses it
  std::string used_{};
};

}  // namespace mdevadm
