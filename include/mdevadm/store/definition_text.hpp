// Formats definitions and edits existing definition files. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <string>

namespace mdevadm::store {

// Returns the text of a new file.
std::string format_definition(const Definition& definition);

// Changes a file's text from the definition `before` to `after`. Comments, blank lines and keys that are not
// themselves removed are preserved in their order; a file without comments and unknown keys is rewritten if
// its layout cannot be changed. Throws Error if this is not possible automatically (comments inside an inline
// array that would have to be rewritten); the user then has to edit the file.
std::string edit_definition(const std::string& text, const std::string& path, const Definition& before,
                            const Definition& after);

}  // namespace mdevadm::store
