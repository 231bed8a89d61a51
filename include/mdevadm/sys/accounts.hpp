// Users and groups of the system. Any thread may call these functions, except the last two.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace mdevadm::sys {

// Return the ID of a user or group given by name or by number, or nullopt if no such name exists. A number
// is accepted even if it belongs to no account.
std::optional<uid_t> user_id(const std::string& user);
std::optional<gid_t> group_id(const std::string& group);

// Return the name, or the number as text if the ID has no name.
std::string user_name(uid_t user);
std::string group_name(gid_t group);

// Return the names of all users or groups that the system enumerates.
std::vector<std::string> user_names();
std::vector<std::string> group_names();

}  // namespace mdevadm::sys
