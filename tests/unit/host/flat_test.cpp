// The flat interface of 2016, whose parents the kernel does not list.
#include <mdevadm/host/host.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr const char* uuid = "00000000-0000-4000-8000-000000000001";

// A driver without a bus, beside another driver that has a device of the same name without types.
struct FlatHost : test::TempDir {
  FlatHost() {
    test::lay_tree(R"(
sys/bus/mdev/devices/
sys/class/mdev/
sys/devices/virtual/another/flat/uevent = \n
sys/devices/virtual/vendor/flat/mdev_supported_types = # vgpu_type_id, vgpu_type, max_instance\n11, "A", 2\n12, "B", 1\n
sys/devices/virtual/vendor/flat/mdev_create = 
sys/devices/virtual/vendor/flat/mdev_destroy = 
)",
                   path());
  }

  sys::Dir root = *sys::Dir::open(str());
  Host host{root};
  std::string directory = "sys/devices/virtual/vendor/flat/";

  Creation creation(const char* type) const {
    return {.uuid = *Uuid::parse(uuid), .parent = *ParentName::parse("flat"), .type = *TypeName::parse(type)};
  }
};

}  // namespace

TEST_CASE("a parent of the flat interface is found by its types and offers those of its table") {
  const FlatHost tree;
  const Snapshot seen = tree.host.observe({parent_facets, {}, {}});
  REQUIRE(seen.parents.size() == 1);
  const Parent& parent = seen.parents[0];
  CHECK(parent.path + "/" == tree.directory);
  CHECK(parent.interface == "flat-online");
  CHECK(parent.capabilities.types_vanish);
  REQUIRE(parent.types.size() == 2);
  CHECK(parent.types[0].name == "A");
  CHECK(parent.find_type("12")->maximum == 1U);
}

TEST_CASE("a device of the flat interface is created by a write to the file of its parent") {
  const FlatHost tree;
  const std::string words = std::string(uuid) + ":vgpu_type_id=12";
  const std::optional<Write> write = tree.host.write_of_creation(tree.creation("12"));
  REQUIRE(write);
  CHECK(write->path == tree.str() + "/" + tree.directory + "mdev_create");
  CHECK(write->value == words);
  tree.host.create(tree.creation("12"));
  CHECK(test::read_text(tree.path() / (tree.directory + "mdev_create")) == words + "\n");
}

TEST_CASE("the flat interface lists types that can be created: another one lacks capacity") {
  const FlatHost tree;
  try {
    tree.host.create(tree.creation("13"));
    FAIL("created");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::no_capacity);
  }
  CHECK(test::read_text(tree.path() / (tree.directory + "mdev_create")).empty());
  // A list in another form says nothing about types.
  test::write_text(tree.path() / (tree.directory + "mdev_supported_types"), "two kinds: small, large\n");
  tree.host.create(tree.creation("13"));
  CHECK(test::read_text(tree.path() / (tree.directory + "mdev_create")) == std::string(uuid) + "\n");
}
