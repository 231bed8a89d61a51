// Options for the adapters and domains of vfio-ap devices, shared by define, modify and start.
#pragma once

#include <functional>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>
#include <string>
#include <vector>

#include "value_kinds.hpp"

namespace mdevadm::cli {

class ApOptions {
 public:
  // What the command makes or changes. Numbers with a sign change the queues of a definition, or those that
  // a new one takes over from an active device.
  enum class For { new_definition, definition, transient_device };
  // `needs`: an option without which these are refused, or nullptr.
  void declare(CLI::App& app, ValueKinds& kinds, For object, CLI::Option* needs = nullptr);
  bool any_given() const { return given().any(); }

  // Returns the changes that the options demand. Throws Error{usage} if values of one option contradict each
  // other.
  ApChanges given() const;

  // Returns whether a device with these attributes and options has queues.
  bool assigns_queues(const std::vector<Attribute>& attributes) const;
  // Throws Error{usage} if the options remove something, or add nothing: a new device has nothing to remove.
  void require_additions() const;
  // Plans a job with the queues of these options. Doubts about their numbers become warnings, or hints of the
  // error if queues are refused.
  Job planned(const Snapshot& seen, const std::function<Job()>& plan) const;
  // Throws Error{usage} if an attribute and an option contradict each other.
  void require_consistent(const std::vector<Attribute>& attributes) const;

 private:
  std::vector<std::string> adapters_, domains_, control_domains_, queues_;
};

// Returns the error for several new devices that would have the same queues.
Error shared_queues();

}  // namespace mdevadm::cli
