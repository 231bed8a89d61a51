// Reports the start of autostart devices and groups, on the terminal or in the journal.
#pragma once

#include <mdevadm/run/boot.hpp>
#include <vector>

#include "batch.hpp"

namespace mdevadm::cli {

// Starts the units, reports progress and results, and returns the exit code. `batch` has the items that were
// refused before.
ExitCode start_and_report(Context& context, Batch& batch, const std::vector<BootUnit>& units,
                          const BootOptions& options);
ExitCode start_and_report(Context& context, const ChangeOptions& change, const std::vector<BootUnit>& units,
                          const BootOptions& options);

}  // namespace mdevadm::cli
