#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/function_capacity.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

// A GPU with 8 virtual functions of which the first `used` have this type and the others accept `accepted`.
Parent gpu(unsigned used, const char* type, const std::vector<NamedType>& accepted) {
  Parent parent{.name = *ParentName::parse("0000:41:00.0"), .path = "sys/gpu"};
  for (unsigned i = 0; i < 8; ++i) {
    Function function{.address = "f" + std::to_string(i), .path = "sys/f" + std::to_string(i)};
    if (i < used) {
      function.type = TypeName::parse(type);
    } else {
      function.creatable = accepted;
    }
    parent.functions.push_back(function);
  }
  for (const NamedType& one : accepted) {
    parent.types.push_back({.id = one.id, .name = one.name});
  }
  return parent;
}

const NamedType half{*TypeName::parse("1"), "NVIDIA L40S-24Q"};
const NamedType whole{*TypeName::parse("2"), "NVIDIA L40S-48Q"};
const NamedType mig{*TypeName::parse("3"), "NVIDIA A100D-2-20C"};

}  // namespace

TEST_CASE("sizes limit the available instances of a GPU without devices") {
  Parent parent = gpu(0, "1", {half, whole});
  limit_available(parent);
  CHECK(parent.types[0].maximum == 2);
  CHECK(parent.types[0].available == 2);
  CHECK(parent.types[1].available == 1);
}

TEST_CASE("devices count against the maximum of a type") {
  Parent parent = gpu(1, "1", {half});
  parent.types[0].maximum = 2;
  limit_available(parent);
  CHECK(parent.types[0].available == 1);
}

TEST_CASE("a type that a function accepts has at least one available instance") {
  Parent parent = gpu(3, "1", {half});
  parent.types[0].maximum = 2;
  limit_available(parent);
  CHECK(parent.types[0].available == 1);
}

TEST_CASE("the maximum of a known GPU is known although it has devices") {
  Parent parent = gpu(1, "1", {half});
  parent.capabilities.types_vanish = true;
  limit_available(parent);
  CHECK(parent.types[0].maximum == 2);
  CHECK(parent.types[0].available == 1);
}

TEST_CASE("without a maximum the free functions limit the available instances") {
  Parent parent = gpu(3, "1", {{half.id, "NVIDIA Unknown-24Q"}});
  parent.capabilities.types_vanish = true;
  limit_available(parent);
  CHECK_FALSE(parent.types[0].maximum.has_value());
  CHECK(parent.types[0].available == 5);
}

TEST_CASE("devices of other sizes do not count against the maximum of a MIG type") {
  Parent parent = gpu(3, "9", {mig});
  parent.types[0].maximum = 3;
  limit_available(parent);
  CHECK(parent.types[0].available == 3);
}

TEST_CASE("with mixed sizes a type that no function lists may be accepted if the memory has room for it") {
  const NamedType small{*TypeName::parse("4"), "NVIDIA L40S-2Q"};
  const NamedType medium{*TypeName::parse("5"), "NVIDIA L40S-4Q"};
  Parent parent = gpu(2, "4", {small, medium});
  parent.capabilities.types_vanish = true;
  parent.unlisted = {{.id = half.id, .name = half.name, .available = 0},
                     {.id = whole.id, .name = whole.name, .available = 0}};
  limit_available(parent);
  CHECK(parent.unlisted[0].hidden);
  CHECK(parent.unlisted[0].available == 1);
  CHECK_FALSE(parent.unlisted[1].hidden);
  CHECK(parent.unlisted[1].available == 0);
}

TEST_CASE("with equal sizes no type is accepted that no function lists") {
  const NamedType small{*TypeName::parse("4"), "NVIDIA L40S-2Q"};
  Parent parent = gpu(2, "4", {small});
  parent.capabilities.types_vanish = true;
  parent.unlisted = {{.id = half.id, .name = half.name, .available = 0}};
  limit_available(parent);
  CHECK_FALSE(parent.unlisted[0].hidden);
}

TEST_CASE("a type that no free function accepts has no available instance") {
  Parent parent = gpu(8, "1", {});
  parent.types.push_back({.id = *TypeName::parse("1"), .name = "NVIDIA L40S-6Q"});
  limit_available(parent);
  CHECK(parent.types[0].available == 0);
}

TEST_CASE("a definition in the directory of a virtual function belongs to the GPU and is stored as before") {
  const Definition stored{Uuid::random(), *ParentName::parse("0000:41:00.5"), *TypeName::parse("nvidia-1")};
  const Definition placed = of_directory(stored, *ParentName::parse("0000:41:00.0"));
  CHECK(placed.parent.str() == "0000:41:00.0");
  REQUIRE(placed.reserved_vf() != nullptr);
  CHECK(placed.reserved_vf()->str() == "0000:41:00.5");
  CHECK(as_stored(placed) == stored);
}

TEST_CASE("a definition in the directory of a virtual function may use any") {
  Definition stored{Uuid::random(), *ParentName::parse("0000:41:00.5"), *TypeName::parse("nvidia-1")};
  stored.function = FunctionName::parse("any");
  const Definition placed = of_directory(stored, *ParentName::parse("0000:41:00.0"));
  CHECK(placed.reserved_vf() == nullptr);
  CHECK(as_stored(placed) == stored);
}

TEST_CASE("types of several sizes beside a device show mixed sizes") {
  CHECK_FALSE(shows_mixed_sizes(gpu(0, "1", {half, whole}).functions));
  CHECK(shows_mixed_sizes(gpu(1, "1", {half, whole}).functions));
}

TEST_CASE("types of another size than that of the only device show mixed sizes") {
  const NamedType small{*TypeName::parse("4"), "NVIDIA L40S-2Q"};
  CHECK(shows_mixed_sizes(gpu(1, "1", {small}).functions));
  CHECK_FALSE(shows_mixed_sizes(gpu(1, "1", {half}).functions));
}

TEST_CASE("neither types of GPU instances nor a full GPU show mixed sizes") {
  const NamedType other{*TypeName::parse("5"), "NVIDIA A100D-3-40C"};
  CHECK_FALSE(shows_mixed_sizes(gpu(1, "3", {mig, other}).functions));
  CHECK_FALSE(shows_mixed_sizes(gpu(1, "1", {}).functions));
}

TEST_CASE("beside devices of other sizes the free memory limits the available instances") {
  const NamedType third{*TypeName::parse("3"), "NVIDIA L40S-16Q"};
  const NamedType small{*TypeName::parse("4"), "NVIDIA L40S-1Q"};
  const NamedType half_gib{*TypeName::parse("5"), "NVIDIA L40S-0B"};
  Parent parent = gpu(3, "4", {half, third, small, half_gib});
  for (Type& type : parent.types) {
    type.maximum = type.id.str() == "3" ? 3 : 32;
  }
  parent.unlisted.push_back({.id = whole.id, .name = whole.name});
  limit_available(parent);
  CHECK(parent.types[0].available == 1);
  CHECK(parent.types[1].available == 2);
  CHECK(parent.types[2].available == 5);
  CHECK(parent.types[3].available == 5);
}

TEST_CASE("without the size of the GPU only the free functions limit mixed sizes") {
  const NamedType small{*TypeName::parse("4"), "NVIDIA Unknown-1Q"};
  Parent parent = gpu(3, "4", {{half.id, "NVIDIA Unknown-24Q"}, small});
  parent.capabilities.types_vanish = true;
  parent.types[0].maximum = 2;
  limit_available(parent);
  CHECK(parent.types[0].available == 5);
  CHECK(parent.types[1].available == 5);
}
