// File operations shared by definitions and groups.
#pragma once

#include <mdevadm/model/group.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mdevadm::store {

inline constexpr std::string_view suffix = ".toml";

// Return the file name of a device's or a group's definition, and of a parent's settings.
std::string file_name(const Uuid& uuid);
std::string file_name(const GroupName& name);
std::string file_name(const ParentName& parent);

// Returns whether a file name belongs to the store; editor backups and temporary files of killed processes do
// not.
bool is_ours(std::string_view name);

// Returns the UUID in the file name of a device, or nullopt for other names.
std::optional<Uuid> uuid_of(std::string_view name);

// Opens the directory, creating it if it is missing. The caller holds the lock, so temporary files in it were
// left by processes that died; they are removed.
sys::Dir directory_to_write(const sys::Dir& root, const std::string& directory, const std::string& doing);

// Replaces a file atomically. `permissions` apply to a new file.
void write_atomically(const sys::Dir& directory, const std::string& name, const std::string& text,
                      const std::string& doing, mode_t permissions = 0644);

}  // namespace mdevadm::store
