// Groups: definitions that are started and stopped together, usually the devices of one virtual machine.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/names.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Returns whether the text can be a group name: a label without blanks.
bool is_group_name(std::string_view text);
using GroupName = Name<is_group_name, struct GroupTag>;

// A member of a group: the UUID of a definition, with the parent if several parents define that UUID.
struct Member {
  Uuid uuid;
  std::optional<ParentName> parent{};
  std::size_t line = 0;  // in the group's file; 0: not read from a file

  static std::optional<Member> parse(std::string_view text);
  std::string str() const;  // "UUID" or "PARENT/UUID"
  // Returns whether the member refers to this definition.
  bool means(const Definition& definition) const {
    return definition.uuid == uuid && (!parent || definition.parent == *parent);
  }
  bool operator==(const Member& other) const { return uuid == other.uuid && parent == other.parent; }
};

// Whether the members share an IOMMU group and peer-to-peer resources.
enum class Sharing { off, automatic, required };

// Convert to and from "off", "auto" and "require".
std::string sharing_word(Sharing sharing);
std::optional<Sharing> parse_sharing(std::string_view word);

struct Group {
  GroupName name;
  std::vector<Member> members{};  // in start order
  Sharing sharing = Sharing::automatic;
  StartMode start = StartMode::manual;
  std::optional<Uuid> vm{};  // UUID of the virtual machine, for drivers that require it
  std::optional<NodePolicy>
      node{};  // settings that the definition of a member does not have (node_policy_of())
  std::optional<Uuid> applied_by{};  // as in Definition

  bool has(const Definition& definition) const;
  bool operator==(const Group&) const = default;
};

// All groups, with the problems found while reading them.
struct Groups {
  std::vector<Group> all;             // sorted by name
  std::vector<FileProblem> broken;    // ignored files
  std::vector<FileProblem> problems;  // warnings: unknown keys, members of two groups

  const Group* find(std::string_view name) const;
  // Returns the group that a definition is a member of. If hand-written files put it into several groups, the
  // first by name is returned.
  const Group* of(const Definition& definition) const;
  // Returns whether the device is started at boot: the definition or a group that it is a member of has
  // autostart.
  bool starts_at_boot(const Definition& definition) const;
  std::vector<std::string> names() const;
};

}  // namespace mdevadm
