#include <mdevadm/model/claim.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

std::string Claim::str() const {
  return !claimant.empty() ? fmt::format("claimed for '{}'", printable(claimant))
         : !group.empty()  ? fmt::format("claimed from group '{}'", printable(group))
                           : "claimed";
}

bool Claim::is_of(const std::optional<std::uint64_t>& directory) const {
  return directory && (!problem.empty() || *directory == inode);
}

const Claim* Claims::find(const Uuid& uuid) const {
  const auto found =
      std::lower_bound(all.begin(), all.end(), uuid,
                       [](const Claim& claim, const Uuid& wanted) { return claim.uuid < wanted; });
  return found != all.end() && found->uuid == uuid ? &*found : nullptr;
}

}  // namespace mdevadm
