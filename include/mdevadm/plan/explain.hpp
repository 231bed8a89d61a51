// Why a GPU offers no types, from facts of the snapshot. Pure functions.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

struct Finding {
  std::string what;                   // "nvidia is bound to 0000:01:00.0 (10de:1e89) but offers no types"
  std::vector<std::string> advice{};  // each names a command, best first

  std::string str() const;  // in one line: the finding and the first advice
};

// Returns why the GPU at a PCI address (in the kernel's spelling) offers no types: it is bound to another
// driver or to none, or its driver offers none. nullopt: it is not among Snapshot::gpus, or it offers types.
std::optional<Finding> why_no_types(const Snapshot& seen, std::string_view address);

// Returns the findings of all GPUs, for a host on which no parent offers a type.
std::vector<Finding> why_no_types(const Snapshot& seen);

}  // namespace mdevadm
