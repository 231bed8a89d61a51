// Parser for definition files, mdevadm.toml(5). Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

// Result of parsing. `uuid` and `parent` are optional in the file; in the store they are given by its path.
struct FileContent {
  std::optional<Uuid> uuid;
  std::optional<ParentName> parent;
  std::optional<Definition> definition;  // absent: `problem` has the reason
  FileProblem problem;
  std::vector<FileProblem> problems;  // unknown keys
  bool lacks_parent = false;          // neither the file nor the caller names the parent
};

// What is known about a definition from other sources than the file's content.
struct Identity {
  std::optional<Uuid> uuid;
  std::optional<ParentName> parent;
};

// Parses a definition. A parent that `known` does not give must be in the file, a missing UUID is generated,
// and a value given in both places must agree. `path` is for messages.
FileContent parse_definition(std::string_view text, const std::string& path, const Identity& known);

}  // namespace mdevadm::store
