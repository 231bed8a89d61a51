// The description of a host: parents, devices and groups as mdevadm.host(5) has them. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace mdevadm {

// Which of several parents is preferred: the one with the most room left for the type (of equal ones, the one
// with fewest devices), or, of those that have devices already, the one with the least room left.
enum class Placement { spread, pack };

struct FilePosition {
  std::string path{};
  std::size_t line = 0;
  std::size_t column = 0;

  bool operator==(const FilePosition&) const = default;
};

// Positions of keys and list elements: "type", "parents.0".
using KeyPositions = std::map<std::string, FilePosition, std::less<>>;

// The tables of a file that has problems are there with what could be read, so that everything else can be
// checked: `complete` is false if a table has a problem.

struct ParentEntry {
  ParentSettings settings;  // the parent as written
  FilePosition where;
  bool complete = true;
};

struct DeviceEntry {
  FilePosition where;
  KeyPositions keys{};
  // Name of the devices; with "{}", the number of a device replaces it, unless the entry has a UUID.
  std::string name{};
  std::string pattern{};                   // the name as written, if the name of a parent was inserted
  std::optional<std::uint64_t> count = 1;  // nullopt: all that fit
  // `count` is for each of the parents. "{parent}" in the name stands for the name of a parent.
  bool per_parent = false;
  std::optional<Uuid> uuid{};  // of the only device
  std::string type{};          // empty: chosen by `needs`
  std::vector<std::string> needs{};
  // As written: names, and PCI IDs (model/pci.hpp) of several parents. Empty: any.
  std::vector<std::string> parents{};
  std::vector<std::string> except{};  // parents that are not meant, in the same forms
  Placement placement = Placement::spread;
  bool active = true;   // false: defined only, whether active or not
  Definition settings;  // the settings that do not depend on the place; UUID, parent and type have no meaning
  bool complete = true;
  std::set<std::string, std::less<>>
      unread{};  // keys that could not be read, or that are required and absent

  // Returns whether only the parents of a host explain which devices are meant: the entry has PCI IDs,
  // exceptions or a count for each parent.
  bool depends_on_parents() const;
  bool is_pattern() const { return !uuid && name.find("{}") != std::string::npos; }
  // Returns the name of the device with this number, from 1.
  std::string name_of(std::uint64_t number) const;
  // Returns whether a device of the entry can have this name, whatever the count and the parents are.
  bool may_have_name(const std::string& text) const;
  bool knows(std::string_view key) const { return !unread.contains(key); }
  // Returns the position of a key, or else that of the entry.
  const FilePosition& at(std::string_view key) const;
};

struct GroupMember {
  std::string text;  // name or shell pattern of devices, name with "{}" of an entry, UUID or PARENT/UUID
  FilePosition where;
};

struct GroupEntry {
  Group group;  // without members
  FilePosition where;
  std::vector<GroupMember> members{};
  bool complete = true;
};

// What a description may have beside what could be read of it.
struct UnreadParts {
  bool space = false;  // the namespace
  bool parents = false;
  bool devices = false;
  bool groups = false;
};

struct HostFile {
  std::optional<Uuid> space{};  // namespace of derived UUIDs
  std::vector<ParentEntry> parents{};
  std::vector<DeviceEntry> devices{};
  std::vector<GroupEntry> groups{};
  // Everything that is wrong with the text, in the order of the files. If there is anything, the description
  // can be checked, and must not be carried out.
  std::vector<FileProblem> problems{};
  UnreadParts unread{};
  std::vector<std::string> paths{};  // of the files, in their order

  // Orders problems by file, line and column.
  std::tuple<std::size_t, std::size_t, std::size_t> order_of(const FileProblem& problem) const;

  // Returns the namespace, or the one of all descriptions without.
  Uuid space_or_default() const;
};

// What the name of a parent replaces in the name of a device.
inline constexpr std::string_view parent_placeholder = "{parent}";

// The namespace of descriptions that name none.
inline constexpr const char* default_space = "0c1e3f5a-6d0b-5e0f-9a4e-6b1d9c2f7a30";

// Returns the UUID of a device that the description names and gives no UUID.
Uuid derived_uuid(const HostFile& file, const std::string& name);

}  // namespace mdevadm
