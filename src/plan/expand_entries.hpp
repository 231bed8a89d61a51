// Entries of a description whose devices depend on the parents of the host. Internal header.
#pragma once

#include <mdevadm/model/host_file.hpp>
#include <mdevadm/plan/apply.hpp>

namespace mdevadm {

// Returns the description with the names of parents in place of PCI IDs and exceptions, and with one entry
// for each parent in place of an entry with a count for each. Adds problems and notes to `plan`.
HostFile expand_entries(const ApplyInput& input, const ApplyOptions& options, ApplyPlan& plan);

}  // namespace mdevadm
