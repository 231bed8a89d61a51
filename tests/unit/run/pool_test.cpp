#include <mdevadm/run/pool.hpp>

#include <filesystem>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using namespace std::chrono_literals;

namespace {

const ParentName mtty = *ParentName::parse("mtty");
const ParentName mbochs = *ParentName::parse("mbochs");

// The three active devices of the tree as members of a pool, in this order: on mtty, mtty and mbochs.
struct Pool : test::Host {
  Pool() : test::Host("samples") {
    define("00000000-0000-4000-8000-000000000001", mtty, "mtty-1");
    define("00000000-0000-4000-8000-000000000002", mtty, "mtty-2");
    define("abcd0000-0000-4000-8000-000000000003", mbochs, "mbochs-medium");
  }

  sys::Dir root = *sys::Dir::open(str());
  mdevadm::Host host{root};
  store::Store store{root};
  Group group{*GroupName::parse("pool")};

  void define(const char* uuid, const ParentName& parent, const char* type) {
    const Definition definition{*Uuid::parse(uuid), parent, *TypeName::parse(type)};
    store.add(definition, std::nullopt);
    group.members.push_back({definition.uuid});
  }

  const Uuid& uuid(std::size_t member) const { return group.members[member].uuid; }

  std::uint64_t inode(std::size_t member) const {
    const Snapshot seen = host.observe({Facet::devices, {}, {}});
    return *host.inode_of(*seen.find_device(uuid(member)));
  }

  void claim(std::size_t member, std::uint64_t inode) const {
    store.keep_claim({.uuid = uuid(member), .group = "pool", .at = {}, .inode = inode});
  }

  PoolSearch search(const std::vector<ParentName>& locked = {}) const {
    return find_free_member({host, store}, group, locked);
  }
};

}  // namespace

TEST_CASE("the first free member of a pool is found, with the lock of its parent") {
  const Pool pool;
  const PoolSearch search = pool.search();
  REQUIRE(search.found);
  CHECK(search.found->definition.uuid == pool.uuid(0));
  CHECK(search.found->device.parent == mtty);
  CHECK(search.found->inode == pool.inode(0));
  CHECK_FALSE(pool.store.try_lock_parent(mtty));
  CHECK(pool.store.try_lock_parent(mbochs));
}

TEST_CASE("members with a claim are not free unless the claim is that of an earlier device") {
  const Pool pool;
  pool.claim(0, pool.inode(0));
  CHECK(pool.search().found->definition.uuid == pool.uuid(1));
  pool.claim(1, pool.inode(1));
  pool.claim(2, pool.inode(2));
  const PoolSearch none = pool.search();
  CHECK_FALSE(none.found);
  CHECK(none.states == std::vector<MemberState>(3, MemberState::claimed));
  pool.claim(1, pool.inode(1) + 1);
  CHECK(pool.search().found->definition.uuid == pool.uuid(1));
}

TEST_CASE("members whose parent is locked by another process are busy") {
  const Pool pool;
  const auto lock = pool.store.try_lock_parent(mtty);
  REQUIRE(lock);
  CHECK(pool.search().found->definition.uuid == pool.uuid(2));
  CHECK(pool.search({mtty}).found->definition.uuid == pool.uuid(0));
  pool.claim(2, pool.inode(2));
  const PoolSearch search = pool.search();
  CHECK_FALSE(search.found);
  CHECK(search.states ==
        std::vector<MemberState>{MemberState::busy, MemberState::busy, MemberState::claimed});
  CHECK(search.locked_parents == std::vector<ParentName>{mtty});
}

TEST_CASE("members that are not active, or have another type than their definition, are not handed out") {
  Pool pool;
  pool.define("00000000-0000-4000-8000-00000000000f", mtty, "mtty-1");
  pool.group.members.push_back({*Uuid::parse("00000000-0000-4000-8000-00000000000e")});
  Definition changed{pool.uuid(0), mtty, *TypeName::parse("mtty-1")};
  const Definition before = changed;
  changed.type = *TypeName::parse("mtty-2");
  pool.store.replace(before, changed);
  pool.claim(1, pool.inode(1));
  pool.claim(2, pool.inode(2));
  const PoolSearch search = pool.search();
  CHECK_FALSE(search.found);
  CHECK(search.states == std::vector<MemberState>{MemberState::unusable, MemberState::claimed,
                                                  MemberState::claimed, MemberState::inactive,
                                                  MemberState::unusable});
}
