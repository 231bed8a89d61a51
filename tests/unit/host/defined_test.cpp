// Devices of many definitions, and the attributes with which they are compared.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <mdevadm/host/host.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
namespace fs = std::filesystem;

namespace {

constexpr unsigned count = 120;

Uuid numbered(unsigned number) {
  return *Uuid::parse(fmt::format("00000000-0000-4000-8000-{:012x}", number));
}

// A host with active devices, alternately under the parents mtty-a and mtty-b, and the definitions of all.
class ManyDevices {
 public:
  ManyDevices() {
    for (const char* parent : {"mtty-a", "mtty-b"}) {
      fs::create_directories(types_of(parent) / "mtty-2/devices");
      fs::create_directories(tree_.path() / "sys/class/mdev_bus");
      fs::create_symlink(fmt::format("../../devices/{}", parent),
                         tree_.path() / "sys/class/mdev_bus" / parent);
    }
    fs::create_directories(bus());
    for (unsigned i = 0; i < count; ++i) {
      add(i);
      define(numbered(i), parent_of(i));
    }
  }

  static std::string parent_of(unsigned number) { return number % 2 == 0 ? "mtty-a" : "mtty-b"; }
  fs::path bus() const { return tree_.path() / "sys/bus/mdev/devices"; }
  fs::path directory_of(unsigned number) const {
    return tree_.path() / "sys/devices" / parent_of(number) / numbered(number).str();
  }

  // Makes an active device without a definition.
  void add(unsigned number) {
    const std::string name = numbered(number).str();
    fs::create_directories(directory_of(number));
    fs::create_symlink("../mdev_supported_types/mtty-2", directory_of(number) / "mdev_type");
    fs::create_symlink(fmt::format("../../../devices/{}/{}", parent_of(number), name), bus() / name);
    fs::create_symlink("../../../" + name, types_of(parent_of(number)) / "mtty-2/devices" / name);
  }

  void define(const Uuid& uuid, const std::string& parent) {
    definitions_.push_back({uuid, *ParentName::parse(parent), *TypeName::parse("mtty-2")});
    std::sort(definitions_.begin(), definitions_.end(), by_parent);
  }

  std::vector<Definition>& definitions() { return definitions_; }

  Snapshot observe(const std::vector<Definition>* sufficient, const Records& records = {}) const {
    Scope scope{Facet::devices, {}, {}};
    scope.known = records;
    scope.sufficient = sufficient;
    return Host(root_).observe(scope);
  }
  Snapshot observe() const { return observe(&definitions_); }

  // Reads these attributes of all devices.
  std::vector<Device> with_attributes(const std::vector<std::string>& names) const {
    std::vector<Attribute> wanted;
    for (const std::string& name : names) {
      wanted.push_back({*AttributeName::parse(name), "1"});
    }
    std::vector<Device> devices = observe().devices;
    AttributeReader reader = Host(root_).attribute_reader();
    for (Device& device : devices) {
      reader.read(device, wanted);
    }
    return devices;
  }

 private:
  fs::path types_of(const std::string& parent) const {
    return tree_.path() / "sys/devices" / parent / "mdev_supported_types";
  }

  test::TempDir tree_;
  sys::Dir root_ = *sys::Dir::open(tree_.str());
  std::vector<Definition> definitions_{};
};

bool has_device(const Snapshot& seen, unsigned number) {
  return seen.find_device(numbered(number)) != nullptr;
}

}  // namespace

TEST_CASE("if all definitions have active devices then no others are read") {
  ManyDevices host;
  host.add(count);
  const Snapshot all = host.observe(nullptr);
  const Snapshot seen = host.observe();
  CHECK(all.devices.size() == count + 1);
  REQUIRE(seen.devices.size() == count);
  CHECK_FALSE(has_device(seen, count));
  for (const Device& device : seen.devices) {
    const Device* same = all.find_device(device.uuid);
    REQUIRE(same != nullptr);
    CHECK(device.parent == same->parent);
    CHECK(device.type == same->type);
    CHECK(device.path.str() == same->path.str());
  }
  CHECK(std::is_sorted(seen.devices.begin(), seen.devices.end(), by_parent));
  CHECK(seen.mdev_support);
}

TEST_CASE("if a definition has no active device then all devices are read") {
  for (const unsigned inactive : {500U, 501U}) {  // under mtty-a, in the middle, and the last one
    ManyDevices host;
    host.add(count);
    host.define(numbered(inactive), host.parent_of(inactive));
    const Snapshot seen = host.observe();
    CHECK(seen.devices.size() == count + 1);
    CHECK(has_device(seen, count));
  }
}

TEST_CASE("a device on another parent than that of its definition does not belong to the definition") {
  ManyDevices host;
  host.definitions().erase(host.definitions().begin());
  host.define(numbered(0), "mtty-b");
  // The kernel still removes a device of this definition.
  fs::create_directories(host.directory_of(1).parent_path() / numbered(0).str());
  const Snapshot seen = host.observe();
  CHECK(seen.devices.size() == count);
  REQUIRE(seen.removing.size() == 1);
  CHECK(seen.removing[0].uuid == numbered(0));
  CHECK(seen.removing[0].parent.str() == "mtty-b");
}

TEST_CASE("a device that the directory of its type does not list yet is read by its own links") {
  ManyDevices host;
  fs::remove(host.directory_of(7).parent_path() / "mdev_supported_types/mtty-2/devices" / numbered(7).str());
  const Snapshot seen = host.observe();
  REQUIRE(seen.devices.size() == count);
  CHECK(seen.find_device(numbered(7))->type == TypeName::parse("mtty-2"));
}

TEST_CASE("a record is of a lost device only if all devices were read") {
  ManyDevices host;
  host.add(count);
  Records records;
  records.all.push_back(
      {numbered(count), *ParentName::parse("mtty-a"), *TypeName::parse("mtty-2"), {}, true});
  CHECK(host.observe(&host.definitions(), records).lost.empty());
  records.all.push_back({numbered(900), *ParentName::parse("mtty-a"), *TypeName::parse("mtty-2"), {}, true});
  CHECK(host.observe(nullptr, records).lost == std::vector{numbered(900)});
}

TEST_CASE("attributes that a device lacks are not searched in other devices of its type and parent") {
  ManyDevices host;
  for (unsigned i = 0; i < count; ++i) {
    test::write_text(host.directory_of(i) / "limit", fmt::format("{}\n", i));
  }
  test::write_text(host.directory_of(6) / "nvidia/vgpu_params", "x\n");
  test::write_text(host.directory_of(6) / "a/b/c", "y\n");
  const std::vector<Device> devices = host.with_attributes({"limit", "nvidia/vgpu_params", "a/b/c"});
  for (const Device& device : devices) {
    const auto& found = device.settings.or_default().attributes;
    REQUIRE(found.size() == 3);
    CHECK(found.at("limit").has_value());
    CHECK_FALSE(found.at("nvidia/vgpu_params"));
    CHECK(found.at("a/b/c").has_value() == (device.uuid == numbered(6)));
  }
}

TEST_CASE("a device without a link to its type does not show what other devices lack") {
  ManyDevices host;
  fs::remove(host.directory_of(0) / "mdev_type");  // it has just been created
  for (unsigned i = 1; i < count; ++i) {
    test::write_text(host.directory_of(i) / "limit", "1\n");
  }
  for (const Device& device : host.with_attributes({"limit"})) {
    CHECK(device.settings.or_default().attributes.at("limit").has_value() == (device.uuid != numbered(0)));
  }
}

TEST_CASE("a device that no longer exists has no settings and shows nothing of other devices") {
  ManyDevices host;
  for (unsigned i = 1; i < count; ++i) {
    test::write_text(host.directory_of(i) / "limit", "1\n");
  }
  fs::remove_all(host.directory_of(0));
  for (const Device& device : host.with_attributes({"limit"})) {
    CHECK(device.settings.has_value() == (device.uuid != numbered(0)));
  }
}
