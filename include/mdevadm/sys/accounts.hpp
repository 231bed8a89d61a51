// Users and groups of the system.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace mdevadm::sys {

// The number of a user or group that is given by name or by number; nullopt if there is none.
std::optional<uid_t> user_id(const std::string& user);
std::optional<gid_t> group_id(const std::string& group);

// The name, or the number as text if it has none.
std::string user_name(uid_t user);
std::string group_name(gid_t group);

}  // namespace mdevadm::sys
