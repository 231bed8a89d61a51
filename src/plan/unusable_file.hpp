// Files of described objects that cannot be used. Internal header.
#pragma once

#include <mdevadm/plan/apply.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Returns the problem of the file of a parent or group in `directory`, "parents" or "groups"; nullptr: none.
const FileProblem* find_unusable(const std::vector<FileProblem>& broken, std::string_view directory,
                                 std::string_view name);

// Returns the problem of the description. `what` begins the message: "group 'g': its file".
HostProblem problem_of(const FileProblem& broken, const FilePosition& where, const std::string& what);

}  // namespace mdevadm
