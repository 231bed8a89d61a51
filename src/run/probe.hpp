// The step of a probe that reads what the driver offers. Internal header.
#pragma once

#include <mdevadm/plan/plan.hpp>
#include <mdevadm/run/executor.hpp>

namespace mdevadm {

// Adds a result to those of the parent; drops results that were found in another state of the parent.
void note_remainder(const Effects& effects, const NoteRemainder& action);

}  // namespace mdevadm
