// The options that say what a definition is to hold, as define, modify and start share them.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <optional>
#include <string>
#include <vector>

#include "value_kinds.hpp"

namespace mdevadm::cli {

// "K=V" that has been checked -> an attribute.
Attribute parse_assignment(const std::string& text);
std::vector<Attribute> parse_assignments(const std::vector<std::string>& texts);

// What an option holds, if it was given.
std::optional<ParentName> parent_option(const std::string& text);
std::optional<TypeName> type_option(const std::string& text);

struct DefinitionOptions {
  std::string name;
  std::vector<std::string> attributes;
  std::vector<std::string> create_args;
  std::optional<std::uint64_t> aggregate;
  std::string function;
  CLI::Option* name_option = nullptr;
  CLI::Option* function_option = nullptr;

  void declare(CLI::App& app, ValueKinds& kinds);
  bool any_given() const;

  std::optional<std::string> joined_create_args() const;
};

// --auto and --manual.
struct StartModeOptions {
  bool automatic = false;
  bool manual = false;

  void declare(CLI::App& app);
  std::optional<StartMode> mode() const;
};

}  // namespace mdevadm::cli
