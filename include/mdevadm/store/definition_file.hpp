// Reading the text of a definition: mdevadm.toml(5). Pure.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

// What a definition file says. `uuid` and `parent` may stand in the file; in the store the path says them.
struct FileContent {
  std::optional<Uuid> uuid;
  std::optional<ParentName> parent;
  std::optional<Definition> definition;  // absent: `problem` says why
  FileProblem problem;
  std::vector<FileProblem> odd;  // unknown keys
};

// Who a file is about, where something else than its content says so.
struct Identity {
  std::optional<Uuid> uuid;
  std::optional<ParentName> parent;
};

// Reads a definition. What `known` leaves open must stand in the file; what both say must agree. `path` is
// for messages.
FileContent parse_definition(std::string_view text, const std::string& path, const Identity& known);

}  // namespace mdevadm::store
