// What keeping definitions and groups in files has in common.
#pragma once

#include <mdevadm/model/group.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mdevadm::store {

inline constexpr std::string_view suffix = ".toml";

// The file of a device, of a group.
std::string file_name(const Uuid& uuid);
std::string file_name(const GroupName& name);

// Whether a file's name is one that we keep: editors' backups and what a killed process left are not.
bool is_ours(std::string_view name);

// Whose file that is, if it is a device's.
std::optional<Uuid> uuid_of(std::string_view name);

// The folder, made if it is missing. The lock is held: temporary files in it were left by a process that
// died, and go.
sys::Dir folder_to_write(const sys::Dir& root, const std::string& folder, const std::string& doing);

// One atomic replacement. A new file gets these permissions.
void write_atomically(const sys::Dir& folder, const std::string& name, const std::string& text,
                      const std::string& doing, mode_t permissions = 0644);

}  // namespace mdevadm::store
