// Definitions that belong to one user, a virtual machine mostly, and are started and stopped as one.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/names.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// What a group may be called: a label without blanks.
bool is_group_name(std::string_view text);
using GroupName = Name<is_group_name, struct GroupTag>;

// A definition by its UUID; with its parent where several parents define that UUID.
struct Member {
  Uuid uuid;
  std::optional<ParentName> parent{};
  std::size_t line = 0;  // of the group's file, if it was read from one

  static std::optional<Member> parse(std::string_view text);
  std::string str() const;  // "UUID" or "PARENT/UUID"
  bool means(const Definition& definition) const {
    return definition.uuid == uuid && (!parent || definition.parent == *parent);
  }
  bool operator==(const Member& other) const { return uuid == other.uuid && parent == other.parent; }
};

// Whether members share an IOMMU group and peer-to-peer resources.
enum class Sharing { off, automatic, required };

// "off", "auto", "require".
std::string sharing_word(Sharing sharing);
std::optional<Sharing> parse_sharing(std::string_view word);

struct Group {
  GroupName name;
  std::vector<Member> members{};  // in the order in which they are started
  Sharing sharing = Sharing::automatic;
  StartMode start = StartMode::manual;
  std::optional<Uuid> vm{};          // of the virtual machine, for drivers that want to know it
  std::optional<NodePolicy> node{};  // of all members that have none of their own

  bool has(const Definition& definition) const;
  bool operator==(const Group&) const = default;
};

// All groups, and what could not be read of them.
struct Groups {
  std::vector<Group> all;           // sorted by name
  std::vector<FileProblem> broken;  // files that do not count
  std::vector<FileProblem> odd;     // files that count, with what means nothing or cannot be so

  const Group* find(std::string_view name) const;
  // The group that a definition is a member of; the first by name, should a person have put it into two.
  const Group* of(const Definition& definition) const;
  std::vector<std::string> names() const;
};

}  // namespace mdevadm
