// Aliases of commands, and suggestions for the commands and options of other tools (mdevctl, virsh, podman,
// systemctl, ip).
#pragma once

#include <mdevadm/args/arguments.hpp>
#include <string>

#include "value_kinds.hpp"

namespace mdevadm::cli {

class OtherWords final : public args::Vocabulary {
 public:
  // `kinds` must outlive the object.
  explicit OtherWords(const ValueKinds& kinds) : kinds_(kinds) {}

  std::string objection(const CLI::Option& option, const std::string& value) const override;
  std::string alias(const std::string& family, const std::string& word) const override;
  std::string command_hint(const std::string& family, const std::string& word) const override;
  std::string option_hint(CLI::App& command, const std::string& option) const override;

 private:
  const ValueKinds& kinds_;
};

// Returns the alias of a command, "ls" for "list"; empty if it has none.
std::string alias_of(const std::string& command);

}  // namespace mdevadm::cli
