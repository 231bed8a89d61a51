// The text of a definition: mdevadm.toml(5). Reading, writing, and changing it under a person's hands. Pure.
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

// The text of a new file.
std::string format_definition(const Definition& definition);

// `text` holds `before`; the result holds `after`, and every comment, blank line and key that `text` has and
// that is not itself removed, in the same order. Throws Error if that cannot be done by machine (comments
// inside an inline array that would have to be rewritten), leaving it to the person.
std::string edit_definition(const std::string& text, const std::string& path, const Definition& before,
                            const Definition& after);

}  // namespace mdevadm::store
