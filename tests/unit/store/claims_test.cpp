#include <mdevadm/store/store.hpp>

#include <filesystem>
#include <fstream>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using store::Store;

namespace fs = std::filesystem;

namespace {

const Uuid first = *Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001");
const Uuid second = *Uuid::parse("aaaaaaaa-0000-4000-8000-000000000002");

Claim claim_of(const Uuid& uuid, const std::string& claimant) {
  const std::chrono::system_clock::time_point at(std::chrono::milliseconds(1764309600123));
  return {uuid, "pool", claimant, at, ~std::uint64_t{0}};
}

struct World {
  test::TempDir temp;
  sys::Dir root = *sys::Dir::open(temp.str());
  Store store{root};

  void write(const std::string& name, const std::string& text) const {
    const fs::path path = temp.path() / "run/mdevadm/claims" / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::string problem() const { return store.load_claims().all.at(0).problem; }
};

}  // namespace

TEST_CASE("claims are stored as they were given") {
  const World world;
  CHECK(world.store.load_claims().all.empty());
  CHECK(world.store.claimed_devices().empty());
  CHECK(fs::is_empty(world.temp.path()));
  world.store.keep_claim(claim_of(second, "a \"VM\" \\ ü"));
  world.store.keep_claim(claim_of(first, ""));
  const Claims claims = world.store.load_claims();
  CHECK(claims.all == std::vector{claim_of(first, ""), claim_of(second, "a \"VM\" \\ ü")});
  CHECK(claims.find(second) == &claims.all[1]);
  CHECK(world.store.claimed_devices() == std::set{first, second});
}

TEST_CASE("a claim is removed unless another one has taken its place") {
  const World world;
  world.store.keep_claim(claim_of(first, "vm1"));
  try {
    world.store.drop_claim(claim_of(first, "vm2"));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::conflict);
  }
  world.store.drop_claim(claim_of(first, "vm1"));
  CHECK(world.store.claimed_devices().empty());
  CHECK_NOTHROW(world.store.drop_claim(claim_of(first, "vm1")));
  world.store.keep_claim(claim_of(first, "vm1"));
  world.store.remove_claim(first);
  world.store.remove_claim(second);
  CHECK(world.store.claimed_devices().empty());
}

TEST_CASE("a claim that cannot be used still counts and can be removed") {
  const World world;
  const std::string name = first.str() + ".toml";
  for (const auto& [text, problem] :
       {std::pair("", "missing or invalid key 'version'"), std::pair("x", "invalid TOML: "),
        std::pair("version = 2\n", "written by another version of mdevadm (format 2, expected 1)"),
        std::pair("version = 1\ngroup = 3\n", "missing or invalid key 'group'"),
        std::pair("version = 1\ngroup = 'a'\nfor = ''\nat_ms = -1\ninode = '1'\n",
                  "missing or invalid key 'at_ms'"),
        std::pair("version = 1\ngroup = 'a'\nfor = ''\nat_ms = 9223372036854775807\ninode = '1'\n",
                  "missing or invalid key 'at_ms'"),
        std::pair("version = 1\ngroup = 'a'\nfor = ''\nat_ms = 1\ninode = 'x'\n",
                  "missing or invalid key 'inode'")}) {
    world.write(name, text);
    CHECK(world.problem().starts_with(problem));
    CHECK(world.store.claimed_devices() == std::set{first});
    world.store.drop_claim(world.store.load_claims().all.at(0));
    CHECK(world.store.claimed_devices().empty());
  }
}

TEST_CASE("files that are no claims are reported and ignored") {
  const World world;
  world.write("x.toml", "x");
  world.write("AAAAAAAA-0000-4000-8000-000000000001.toml", "x");
  world.write(".mdevadm-new-1-x.toml", "x");
  world.write("notes", "x");
  const Claims claims = world.store.load_claims();
  CHECK(claims.all.empty());
  CHECK(claims.foreign.size() == 2);
  world.store.keep_claim(claim_of(first, ""));
  CHECK_FALSE(fs::exists(world.temp.path() / "run/mdevadm/claims/.mdevadm-new-1-x.toml"));
}

TEST_CASE("the lock of a parent is taken without waiting or not at all") {
  const World world;
  const ParentName parent = *ParentName::parse("mtty");
  auto lock = world.store.try_lock_parent(parent);
  CHECK(lock);
  CHECK_FALSE(world.store.try_lock_parent(parent));
  lock.reset();
  CHECK(world.store.try_lock_parent(parent));
}

TEST_CASE("definitions, records and groups can be read one by one") {
  const World world;
  const Definition wanted{first, *ParentName::parse("mtty"), *TypeName::parse("mtty-1")};
  world.store.add(wanted, std::nullopt);
  world.store.add({second, *ParentName::parse("mdpy"), *TypeName::parse("mdpy-1")}, std::nullopt);
  CHECK(world.store.load_some({first}).all == std::vector{wanted});
  CHECK(world.store.load_some({first, second}).all.size() == 2);
  CHECK(world.store.load_some({}).all.empty());
  world.store.keep_record({first, wanted.parent, wanted.type});
  world.store.keep_record({second, wanted.parent, wanted.type});
  CHECK(world.store.load_records({second}).all.size() == 1);
  const GroupName name = *GroupName::parse("pool");
  CHECK_FALSE(world.store.load_group(name));
  world.store.add_group({name, {{first}}});
  CHECK(world.store.load_group(name)->members.size() == 1);
}

TEST_CASE("a runtime record keeps the duration of the start, and one that cannot be read is not known") {
  const World world;
  const Record record{.uuid = first,
                      .parent = *ParentName::parse("p"),
                      .type = *TypeName::parse("t"),
                      .finished = true,
                      .took = std::chrono::milliseconds(1234)};
  world.store.keep_record(record);
  CHECK(world.store.load_records().all == std::vector{record});
  const fs::path path = world.temp.path() / "run/mdevadm/devices" / (first.str() + ".toml");
  for (const char* took : {"-1", "\"long\"", "1.5"}) {
    std::ofstream(path) << "parent = \"p\"\ntype = \"t\"\nfinished = true\ntook_ms = " << took << "\n";
    REQUIRE(world.store.load_records().all.size() == 1);
    CHECK_FALSE(world.store.load_records().all[0].took);
  }
}

TEST_CASE("results of probes are read as they were written, without those that cannot be read") {
  const World world;
  const ParentName parent = *ParentName::parse("0000:41:00.0");
  const TypeName small = *TypeName::parse("nvidia-558"), large = *TypeName::parse("nvidia-559");
  ProbeResults results{"nvidia 550", {{{{small, 2}}, {{small, 3}, {large, 0}}}, {{{large, 1}}, {}}}};
  world.store.write_probes(parent, results);
  const auto same = [&] {
    const ProbeResults read = world.store.load_probes(parent);
    return read.state == results.state && read.all == results.all;
  };
  CHECK(same());
  const fs::path path = world.temp.path() / "run/mdevadm/probes" / (parent.str() + ".toml");
  std::ofstream(path, std::ios::app) << "[[probe]]\ncreated = {a = 1}\n[[probe]]\nleft = {a = 1}\n"
                                     << "[[probe]]\ncreated = {a = 1}\nleft = {a = -1}\n[[probe]]\n";
  CHECK(same());
  std::ofstream(path) << "state = ";
  CHECK(world.store.load_probes(parent).all.empty());
}

TEST_CASE("the preparation of a parent is read as it was written") {
  const World world;
  const ParentName parent = *ParentName::parse("0000:41:00.0");
  CHECK(world.store.load_preparation(parent) == Preparation{parent});
  const Preparation done{parent, {{"nvidia-smi", "-i", "a \"b\""}, {"true"}}, "550 8", "exit status 1"};
  world.store.keep_preparation(done);
  CHECK(world.store.load_preparation(parent) == done);
}
