// Writing the text of a definition, and changing what a person has written. Pure.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <string>

namespace mdevadm::store {

// The text of a new file.
std::string format_definition(const Definition& definition);

// `text` holds `before`; the result holds `after`, and every comment, blank line and key that `text` has and
// that is not itself removed, in the same order. Throws Error if that cannot be done by machine (comments
// inside an inline array that would have to be rewritten), leaving it to the person.
std::string edit_definition(const std::string& text, const std::string& path, const Definition& before,
                            const Definition& after);

}  // namespace mdevadm::store
