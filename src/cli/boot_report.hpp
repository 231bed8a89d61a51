// What is told of devices and groups that come up by themselves: while it happens, to a person or to the
// journal, and in the end.
#pragma once

#include <mdevadm/run/boot.hpp>
#include <vector>

#include "batch.hpp"

namespace mdevadm::cli {

// Brings up the units, tells what happens, and answers what came of it.
ExitCode bring_up_and_tell(Context& context, const ChangeOptions& change, const std::vector<BootUnit>& units,
                           const Definitions& defined, const BootOptions& options);

}  // namespace mdevadm::cli
