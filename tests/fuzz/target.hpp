// Fuzzing: functions that read what other programs, users and kernels write are called with arbitrary bytes.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace mdevadm::fuzz {

struct Target {
  const char* name;  // and the directory of its corpus
  // Aborts if a property does not hold for this input; every input is allowed.
  void (*run)(std::string_view input);
};

std::span<const Target> store_targets();
std::span<const Target> model_targets();
std::span<const Target> host_targets();
std::span<const Target> command_line_targets();
std::span<const Target> run_targets();

// Returns the targets of all files.
std::vector<Target> all_targets();

// Returns the target with this name, or nullptr.
const Target* find_target(std::string_view name);

// Aborts with the property that does not hold.
void require(bool holds, const char* property);

}  // namespace mdevadm::fuzz
