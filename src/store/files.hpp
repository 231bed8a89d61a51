// File operations shared by definitions and groups.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <mdevadm/model/group.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

inline constexpr std::string_view suffix = ".toml";

inline constexpr const char* mdevctl_directory = "etc/mdevctl.d";
// The definitions, in a directory for each parent.
inline constexpr const char* devices_directory = "etc/mdevadm/devices";
inline constexpr std::size_t few_devices = 4;  // are searched by name, without listing directories

// Directories with the state of the host since boot. Not below etc/: a refused change must leave no trace
// there.
inline constexpr const char* runtime_directory = "run/mdevadm";
inline constexpr const char* records_directory = "run/mdevadm/devices";
inline constexpr const char* functions_directory = "run/mdevadm/functions";
inline constexpr const char* claims_directory = "run/mdevadm/claims";
inline constexpr const char* boot_directory = "run/mdevadm/boot";
inline constexpr const char* preparations_directory = "run/mdevadm/parents";
inline constexpr const char* probes_directory = "run/mdevadm/probes";
inline constexpr std::array state_directories{runtime_directory,  records_directory,      claims_directory,
                                              boot_directory,     preparations_directory, probes_directory,
                                              functions_directory};

// Return the file name of a device's or a group's definition, and of a parent's settings.
std::string file_name(const Uuid& uuid);
std::string file_name(const GroupName& name);
std::string file_name(const ParentName& parent);

// Returns whether a file name belongs to the store; editor backups and temporary files of killed processes do
// not.
bool is_ours(std::string_view name);

// Returns the UUID in the file name of a device, or nullopt for other names.
std::optional<Uuid> uuid_of(std::string_view name);

// Opens the directory, creating it if it is missing. The caller holds the lock, and its other threads write
// no files there, so temporary files in it were left by processes that died; they are removed.
sys::Dir directory_to_write(const sys::Dir& root, const std::string& directory, const std::string& doing);

// The mode of a new file.
enum class NewFile {
  readable,  // 0644, whatever the umask: all users may list devices and definitions
  as_umask,  // 0666 less the umask
};

// Replaces a file atomically. A file that exists keeps its mode. Throws Error{usage} for a text that is not
// valid UTF-8, which could not be read again.
void write_atomically(const sys::Dir& directory, const std::string& name, const std::string& text,
                      const std::string& doing, NewFile mode = NewFile::readable);

// Edits the text of a file that an editor of Windows may have saved: `edit` gets it with line ends of Unix
// and without a byte order mark, and the result has those of the file again.
std::string edited(const std::string& text, const std::function<std::string(const std::string&)>& edit);

// Throw Error{not_found} and Error{conflict}: another process has removed or changed a file since the plan
// was made. `doing`: for messages, "cannot remove 'FILE'".
[[noreturn]] void throw_removed(const std::string& doing);
[[noreturn]] void throw_changed(const std::string& doing);

// Like directory_to_write(), for a file that is to be changed, renamed or removed: throws Error{not_found} if
// the directory does not exist.
sys::Dir directory_of_stored(const sys::Dir& root, const std::string& directory, const std::string& doing);

// Reads a file that is to be changed or removed. Throws Error{not_found} if it does not exist.
std::string read_stored(const sys::Dir& directory, const std::string& name, const std::string& doing);

// Removes a file. Throws Error{not_found} if it does not exist.
void remove_stored(const sys::Dir& directory, const std::string& name, const std::string& doing);

// Throws Error if a file or directory could not be read because the process lacks descriptors or memory: what
// it contains must not count as broken or absent.
void throw_if_lacking(const sys::SysError& error);

// Returns what is wrong with an entry that a reader reported as missing: nullopt if it was removed since the
// directory was listed, otherwise that it is a symbolic link to nothing.
std::optional<FileProblem> dangling_link(const sys::Dir& directory, const std::string& name);

// Reads a file that the directory lists. Returns nullopt if it cannot be read, with the reason in `broken`
// unless it was removed since.
std::optional<std::string> read_listed(const sys::Dir& directory, const std::string& name,
                                       std::vector<FileProblem>& broken);

// Opens a directory to read what it contains, for messages: "the groups". Returns nullopt if it does not
// exist, so that it is empty. Throws Error if it cannot be opened, also if it is a symbolic link to nothing.
std::optional<sys::Dir> open_to_read(const sys::Dir& root, const std::string& directory,
                                     const std::string& content);
// Returns its entries. Throws Error.
std::vector<sys::Entry> entries_in(const sys::Dir& directory, const std::string& content);

}  // namespace mdevadm::store
