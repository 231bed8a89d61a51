// Options for owner, mode and label of VFIO nodes, shared by the commands for definitions and groups.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <optional>
#include <string>

#include "context.hpp"
#include "value_kinds.hpp"

namespace mdevadm::cli {

class NodeOptions {
 public:
  // `whose`: "the device's" or "the members'", for the help.
  // `exists`: the command changes a definition or group, from which an empty value removes a setting.
  void declare(CLI::App& app, ValueKinds& kinds, const std::string& whose, bool exists);

  bool any_given() const;
  // Returns whether an option has an empty value, which removes the setting from a definition.
  bool removes() const;
  // Returns the policy with the given options; an empty value removes a setting.
  std::optional<NodePolicy> applied_to(const std::optional<NodePolicy>& policy) const;
  // Reports a given owner or group that does not exist: it may be created before the next start.
  void note_unknown_accounts(const Context& context) const;

 private:
  std::string owner_;
  std::string mode_;
  std::string label_;
  CLI::Option* owner_option_ = nullptr;
  CLI::Option* mode_option_ = nullptr;
  CLI::Option* label_option_ = nullptr;
};

}  // namespace mdevadm::cli
