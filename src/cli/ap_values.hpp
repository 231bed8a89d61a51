// Completion of adapters, domains and queues of vfio-ap devices with those of the host.
#pragma once

#include <vector>

#include "value_kinds.hpp"

namespace mdevadm::cli {

// Completes the last item of a list: numbers of the host, those with free queues first; after a '-' the
// numbers that the device or its definition has.
std::vector<Candidate> complete_queues(ValueKind kind, const CompletionRequest& request, Context& context);

}  // namespace mdevadm::cli
