// The parents that a description asks for. Internal header.
#pragma once

#include <mdevadm/plan/apply.hpp>

namespace mdevadm {

// Reports parents whose file has settings that cannot be used: they are not replaced.
void require_usable_settings(const ApplyInput& input, ApplyPlan& plan);

// Plans the changes of the settings.
void plan_settings(const ApplyInput& input, ApplyPlan& plan);

// Returns the options with the parents that tables may prepare which could not be read.
ApplyOptions with_unread_parents(const ApplyInput& input, const ApplyOptions& options);

// Returns the definitions with the virtual functions that are reserved when the settings of the described
// parents have been written.
Definitions with_reservations(const ApplyInput& input);

}  // namespace mdevadm
