// Finds a free member of a group that serves as a pool, at a cost that does not depend on the number of
// members that are claimed.
#pragma once

#include <cstdint>
#include <mdevadm/model/group.hpp>
#include <mdevadm/plan/claims.hpp>
#include <mdevadm/run/executor.hpp>
#include <mdevadm/sys/file_lock.hpp>
#include <optional>
#include <vector>

namespace mdevadm {

// A device that can be handed out. No other process starts or stops devices of its parent while the lock is
// held.
struct FreeMember {
  Definition definition;
  Device device;
  std::uint64_t inode;
  sys::FileLock parent_lock;
};

struct PoolSearch {
  std::optional<FreeMember> found{};
  std::vector<MemberState> states{};         // why not, by member, if none was found
  std::vector<ParentName> locked_parents{};  // of members that are busy
};

// Searches in the order of the group. The caller holds the lock of the claims and those of the parents
// `locked`; locks of other parents are taken without waiting, because of the order of locks. Throws Error if
// the claims or definitions cannot be read.
PoolSearch find_free_member(const Effects& effects, const Group& group,
                            const std::vector<ParentName>& locked = {});

}  // namespace mdevadm
