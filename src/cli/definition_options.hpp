// Options for the contents of a definition, shared by define and modify.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <optional>
#include <string>
#include <vector>

#include "value_kinds.hpp"

namespace mdevadm::cli {

// Converts a "K=V" argument that has been validated.
Attribute parse_assignment(const std::string& text);
std::vector<Attribute> parse_assignments(const std::vector<std::string>& texts);

// Returns the value of an option, if it was given.
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

  // `exists`: the command changes a definition, so that values are added, replaced or removed.
  void declare(CLI::App& app, ValueKinds& kinds, bool exists);
  bool any_given() const;

  std::optional<std::string> joined_create_args() const;
};

// The options --auto and --manual.
struct StartModeOptions {
  bool automatic = false;
  bool manual = false;

  // `exists`: the command changes a definition or group, so that there is no default.
  void declare(CLI::App& app, bool exists);
  std::optional<StartMode> mode() const;
};

}  // namespace mdevadm::cli
