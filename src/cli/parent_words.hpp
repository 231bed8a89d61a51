// Parents with settings as arguments of commands.
#pragma once

#include <mdevadm/model/parent_settings.hpp>
#include <string>

#include "context.hpp"

namespace mdevadm::cli {

// Returns the settings of a parent. Throws Error "cannot VERB 'word': …": not_found, or failed if its file
// cannot be used.
const ParentSettings& require_settings(const AllParentSettings& settings, const Context& context,
                                       const std::string& word, const std::string& verb);

// Throws Error{failed} if the parent has a file that cannot be used.
void require_usable_file(const AllParentSettings& settings, const std::string& word, const std::string& verb);

}  // namespace mdevadm::cli
