#include <mdevadm/sim/kernfs.hpp>

#include <fcntl.h>

#include <cerrno>

#include "catch.hpp"

using namespace mdevadm::sim;

namespace {

constexpr uid_t nobody = 65534;

Reading nothing() {
  return {};
}

void swallow(std::string_view, const Answer&) {}

}  // namespace

TEST_CASE("symbolic links are relative as in sysfs") {
  Kernfs files;
  const NodeId device = files.directories(Kernfs::root, "devices/virtual/mtty/mtty");
  const NodeId type = files.directories(device, "mdev_supported_types/mtty-1");
  const NodeId mdev = files.directory(device, "uuid");
  const auto target = [&](NodeId link) { return files.get(link)->target; };
  CHECK(target(files.link(files.directories(Kernfs::root, "class/mdev_bus"), "mtty", device)) ==
        "../../devices/virtual/mtty/mtty");
  CHECK(target(files.link(mdev, "mdev_type", type)) == "../mdev_supported_types/mtty-1");
  CHECK(target(files.link(type, "uuid", mdev)) == "../../uuid");
  CHECK(files.walk("/class/mdev_bus/mtty/uuid/mdev_type") == type);
  CHECK(files.walk("/class/mdev_bus/nosuch") == std::nullopt);
  CHECK(files.path_of(type) == "/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1");
}

TEST_CASE("removing a directory removes its contents and node numbers are not reused") {
  Kernfs files;
  const NodeId directory = files.directories(Kernfs::root, "a/b");
  const NodeId inner = files.directories(directory, "c/d");
  files.remove(directory);
  CHECK(files.get(directory) == nullptr);
  CHECK(files.get(inner) == nullptr);
  files.remove(directory);
  const NodeId again = files.directories(Kernfs::root, "a/b");
  CHECK(again > inner);
  files.remove(Kernfs::root, "a");
  CHECK(files.get(again) == nullptr);
}

TEST_CASE("removing a replaced file does not remove its successor of the same name") {
  Kernfs files;
  const NodeId before = files.constant(Kernfs::root, "x", "1");
  const NodeId after = files.constant(Kernfs::root, "x", "2");
  files.remove(before);
  CHECK(files.find(Kernfs::root, "x") == after);
}

TEST_CASE("may_open enforces the access modes of attributes also for root") {
  Kernfs files;
  const auto open = [&](NodeId file, int flags, uid_t user = 0) {
    return files.may_open(*files.get(file), flags, user);
  };
  const NodeId writable = files.attribute(Kernfs::root, "create", 0200, {}, swallow);
  CHECK(open(writable, O_RDONLY) == EACCES);
  CHECK(open(writable, O_RDWR) == EACCES);
  CHECK(open(writable, O_WRONLY) == 0);
  CHECK(open(writable, O_WRONLY | O_TRUNC) == 0);
  CHECK(open(writable, O_WRONLY, nobody) == EACCES);
  const NodeId readable = files.constant(Kernfs::root, "name", "x");
  CHECK(open(readable, O_WRONLY) == EACCES);
  CHECK(open(readable, O_RDONLY, nobody) == 0);
  const NodeId both = files.attribute(Kernfs::root, "online", 0644, nothing, swallow);
  CHECK(open(both, O_RDWR) == 0);
  CHECK(open(both, O_RDWR, nobody) == EACCES);
  files.get(both)->owner = nobody;
  CHECK(open(both, O_RDWR, nobody) == 0);
}
