// Options for the adapters and domains of vfio-ap devices, shared by define, modify and start.
#pragma once

#include <mdevadm/model/ap.hpp>
#include <string>
#include <vector>

#include "value_kinds.hpp"

namespace mdevadm::cli {

class ApOptions {
 public:
  // `needs`: an option without which these are refused, or nullptr.
  void declare(CLI::App& app, ValueKinds& kinds, CLI::Option* needs = nullptr);
  bool any_given() const { return given().any(); }

  // Returns the changes that the options demand. Throws Error{usage} if values of one option contradict each
  // other.
  ApChanges given() const;

 private:
  std::vector<std::string> adapters_, domains_, control_domains_, queues_;
};

}  // namespace mdevadm::cli
