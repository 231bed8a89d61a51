// Fuzzing: functions that read what other programs, users and kernels write are called with arbitrary bytes.
#pragma once

#include <span>
#include <string_view>

namespace mdevadm::fuzz {

struct Target {
  const char* name;  // and the directory of its corpus
  // Aborts if a property does not hold for this input; every input is allowed.
  void (*run)(std::string_view input);
};

std::span<const Target> model_targets();
std::span<const Target> store_targets();
std::span<const Target> host_targets();
std::span<const Target> plan_targets();
std::span<const Target> run_targets();
std::span<const Target> command_line_targets();

// Aborts with the property that does not hold.
void require(bool holds, const char* property);

}  // namespace mdevadm::fuzz
