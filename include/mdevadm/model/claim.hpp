// Claims: active members of a group that serves as a pool, each handed out to one user. Valid until release
// or reboot, and no longer than the device exists.
#pragma once

#include <chrono>
#include <cstdint>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

struct Claim {
  Uuid uuid;
  std::string group{};     // from which it was handed out
  std::string claimant{};  // as the user gave it; may be empty
  std::chrono::system_clock::time_point at{};
  // Inode number of the device's directory in sysfs: a device that is created later with the same UUID has
  // another one.
  std::uint64_t inode = 0;
  // Why its file cannot be used; empty: it can. The device counts as claimed nevertheless.
  std::string problem{};

  // Returns "claimed for 'vm1'", without a claimant "claimed from group 'pool'".
  std::string str() const;
  // Returns whether it claims the device whose directory has this inode number; nullopt: it does not exist.
  bool is_of(const std::optional<std::uint64_t>& directory) const;
  bool operator==(const Claim&) const = default;
};

// A file in the directory of claims that is not a claim.
struct ForeignFile {
  std::string path;
  std::string message;
};

struct Claims {
  std::vector<Claim> all{};  // sorted by UUID
  std::vector<ForeignFile> foreign{};

  const Claim* find(const Uuid& uuid) const;
};

}  // namespace mdevadm
