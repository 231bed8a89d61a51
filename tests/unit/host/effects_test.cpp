// Errors of changes on a host tree: they name the object.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <mdevadm/host/host.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;

namespace {

template <typename Change>
std::string refusal(const Change& change) {
  try {
    change();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("errors of changes to a device that does not exist name the directory or the node") {
  const test::Host tree("samples");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Host host(root);
  const Device gone{.uuid = *Uuid::parse("00000000-0000-4000-8000-00000000dead"),
                    .parent = *ParentName::parse("mtty"),
                    .type = TypeName::parse("mtty-1"),
                    .path = "sys/devices/virtual/mtty/mtty/gone"};
  const std::string path = tree.str() + "/" + gone.path.str();
  CHECK(refusal([&] {
          host.own_node(gone, {std::nullopt, std::nullopt, 0660});
        }) == "cannot set owner and mode of the VFIO node: the device has no VFIO node");
  CHECK(refusal([&] {
          host.write_attribute(gone, {*AttributeName::parse("a"), "1"}, false);
        }) == "cannot set attributes in '" + path + "': No such file or directory");
  CHECK(refusal([&] { host.assign_queues(gone, {}); }) ==
        "cannot assign queues in '" + path + "': No such file or directory");
  CHECK(refusal([&] { host.join_peers(gone, gone.uuid); }) ==
        "cannot join a peer-to-peer set in '" + path + "': No such file or directory");
  CHECK(refusal([&] { host.aggregate(gone, 2); }) ==
        "cannot read the number of aggregated instances in '" + path + "': No such file or directory");
}

TEST_CASE("a refused creation says whether the driver has reported available instances") {
  const test::Host tree("samples");
  const sys::Dir root = *sys::Dir::open(tree.str());
  const Host host(root);
  const std::string type = "sys/devices/virtual/mdpy/mdpy/mdev_supported_types/mdpy-hd/";
  std::filesystem::remove(tree.path() / (type + "create"));
  // /dev/full: ENOSPC
  if (::mknod((tree.path() / (type + "create")).c_str(), S_IFCHR | 0600, makedev(1, 7)) != 0) {
    WARN("cannot make a device node: not root");
    return;
  }
  const auto create = [&](const char* available) {
    test::write_text(tree.path() / (type + "available_instances"), available);
    return refusal([&] {
      host.create({.uuid = *Uuid::parse("00000000-0000-4000-8000-00000000dead"),
                   .parent = *ParentName::parse("mdpy"),
                   .type = *TypeName::parse("mdpy-hd")});
    });
  };
  CHECK(create("1\n").ends_with("although it reports 1 available instance"));
  CHECK(create("0\n").find("although") == std::string::npos);
}
