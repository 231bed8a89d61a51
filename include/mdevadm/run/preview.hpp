// What the executor would do for an action, down to the paths and values: for --dry-run and --verbose.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/plan/differences.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/run/executor.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

struct Preview {
  std::string kind;                   // kind_of(action)
  std::string text;                   // describe(action)
  std::vector<Write> writes{};        // to sysfs, in order
  std::optional<std::string> file{};  // the definition or group file that is written or deleted
  std::vector<Difference> changes{};  // of the definition or group
};

// Describes an action without carrying it out. Reads the host: which file an operation writes depends on the
// interface of the parent. Omits what cannot be determined, for example because the parent has vanished.
// Returns nullopt for runtime records, which are bookkeeping.
std::optional<Preview> preview(const Action& action, const Effects& effects);

// Returns the description followed by one line per write ("echo 1 > /sys/.../remove"), file and change.
std::vector<std::string> lines_of(const Preview& preview);

// Returns the command line that does the write by hand: "echo 1 > /sys/.../remove".
std::string shell_command(const Write& write);

}  // namespace mdevadm
