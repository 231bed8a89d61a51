#include <mdevadm/run/pool.hpp>

#include <algorithm>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/run/observe.hpp>
#include <set>

namespace mdevadm {

namespace {

// Members are examined in portions: usually the first one is free.
constexpr std::size_t growth = 16;

class Search {
 public:
  Search(const Effects& effects, const Group& group, const std::vector<ParentName>& locked)
      : effects_(effects), group_(group), locked_(locked) {}

  PoolSearch run() {
    const std::set<Uuid> claimed = effects_.store.claimed_devices();
    std::vector<std::size_t> first, second;
    for (std::size_t i = 0; i < group_.members.size(); ++i) {
      (claimed.contains(group_.members[i].uuid) ? second : first).push_back(i);
    }
    result_.states.resize(group_.members.size(), MemberState::unusable);
    if (!examine(first) && !second.empty()) {
      examine_claimed(second);
    }
    return std::move(result_);
  }

 private:
  bool examine(const std::vector<std::size_t>& members) {
    std::size_t count = 1;
    for (std::size_t begin = 0; begin < members.size(); begin += count, count *= growth) {
      const auto from = members.begin() + static_cast<std::ptrdiff_t>(begin);
      const std::size_t left = members.size() - begin;
      if (examine_portion({from, from + static_cast<std::ptrdiff_t>(std::min(count, left))}, nullptr)) {
        return true;
      }
    }
    return false;
  }

  // Some claims may be those of earlier devices.
  void examine_claimed(const std::vector<std::size_t>& members) {
    const Claims claims = effects_.store.load_claims();
    examine_portion(members, &claims);
  }

  bool examine_portion(const std::vector<std::size_t>& members, const Claims* claims) {
    std::vector<Uuid> uuids;
    for (const std::size_t i : members) {
      uuids.push_back(group_.members[i].uuid);
    }
    const Definitions defined = load_definitions_of(effects_, uuids);
    Facet facets = Facet::devices | Facet::iommu_group | Facet::online;
    if (std::any_of(defined.all.begin(), defined.all.end(),
                    [](const Definition& one) { return is_vendor_name(one.type.str()); })) {
      facets |= Facet::types | Facet::type_name;
    }
    if (searches_processes_) {
      facets |= Facet::holders | Facet::busy;
    }
    const Snapshot seen = observe_defined(effects_, uuids, defined, facets);
    for (const std::size_t i : members) {
      MemberState& state = result_.states[i];
      state = state_of_member(group_.members[i], seen, defined);
      const Device* device = seen.find_device(group_.members[i].uuid);
      if (state == MemberState::free) {
        state = take(*device, *defined.find(device->uuid, device->parent), claims);
      } else if (claims != nullptr && device != nullptr && is_claimed(*device, *claims)) {
        state = MemberState::claimed;
      }
      if (state == MemberState::free) {
        return true;
      }
    }
    return false;
  }

  bool is_claimed(const Device& device, const Claims& claims) const {
    const Claim* claim = claims.find(device.uuid);
    return claim != nullptr && claim->is_of(effects_.host.inode_of(device));
  }

  // Returns MemberState::free if the device is the result.
  MemberState take(const Device& device, const Definition& definition, const Claims* claims) {
    if (claims != nullptr && is_claimed(device, *claims)) {
      return MemberState::claimed;
    }
    const bool is_locked = std::find(locked_.begin(), locked_.end(), device.parent) != locked_.end();
    std::optional<sys::FileLock> lock =
        is_locked ? sys::FileLock() : effects_.store.try_lock_parent(device.parent);
    if (!lock) {
      std::vector<ParentName>& parents = result_.locked_parents;
      if (std::find(parents.begin(), parents.end(), device.parent) == parents.end()) {
        parents.push_back(device.parent);
      }
      return MemberState::busy;
    }
    // It may have been removed before the lock was taken.
    const std::optional<std::uint64_t> inode = effects_.host.inode_of(device);
    if (!inode) {
      return MemberState::inactive;
    }
    if (is_in_use(device)) {
      return MemberState::in_use;
    }
    result_.found = FreeMember{definition, device, *inode, *std::move(lock)};
    return MemberState::free;
  }

  // Where the kernel does not say it, the processes of the host are searched: of one device first, then of
  // all others at once.
  bool is_in_use(const Device& device) {
    if (const auto used = effects_.host.is_in_use(device)) {
      return *used;
    }
    if (searches_processes_ && device.busy) {
      return true;
    }
    Device now = device;
    effects_.host.find_users_of(now);
    searches_processes_ |= now.busy;
    return now.busy;
  }

  const Effects& effects_;
  const Group& group_;
  const std::vector<ParentName>& locked_;
  bool searches_processes_ = false;
  PoolSearch result_{};
};

}  // namespace

PoolSearch find_free_member(const Effects& effects, const Group& group,
                            const std::vector<ParentName>& locked) {
  return Search(effects, group, locked).run();
}

}  // namespace mdevadm
