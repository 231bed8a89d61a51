#include <mdevadm/host/host.hpp>

#include <filesystem>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;

namespace {

struct Files : test::Host {
  Files() : test::Host("samples") {}

  // The device of mbochs, which has the file vendor/memory of its driver.
  Device device{.uuid = *Uuid::parse("abcd0000-0000-4000-8000-000000000003"),
                .parent = *ParentName::parse("mbochs"),
                .type = TypeName::parse("mbochs-medium"),
                .path = "sys/devices/virtual/mbochs/mbochs/abcd0000-0000-4000-8000-000000000003"};

  void write(const std::string& name, const std::string& text, bool is_writable) const {
    const auto file = path() / device.path.str() / name;
    test::write_text(file, text);
    std::filesystem::permissions(
        file, std::filesystem::perms::owner_write,
        is_writable ? std::filesystem::perm_options::add : std::filesystem::perm_options::remove);
  }

  // Returns NAME=VALUE of each settable file, NAME if its value cannot be read.
  std::vector<std::string> found() const {
    const sys::Dir root = *sys::Dir::open(str());
    std::vector<std::string> texts;
    for (const SettableFile& file : mdevadm::Host(root).settable_files(device)) {
      texts.push_back(file.name.str() + (file.value ? "=" + *file.value : ""));
    }
    return texts;
  }
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("the settable files of a device are those that its driver lets write, sorted") {
  const Files files;
  files.write("vendor/memory", "16 MB\n", false);
  CHECK(files.found().empty());
  files.write("vendor/rate", " 60 \n", true);
  files.write("colour", "red\n", true);
  files.write("online", "1\n", true);            // set by a key of its own
  files.write("power/control", "auto\n", true);  // of the kernel's core
  files.write("vendor/online", "0\n", true);
  CHECK(files.found() == Texts{"colour=red", "vendor/online=0", "vendor/rate=60"});
  std::filesystem::permissions(files.path() / files.device.path.str() / "colour",
                               std::filesystem::perms::owner_write);
  CHECK(files.found() == Texts{"colour", "vendor/online=0", "vendor/rate=60"});
}

TEST_CASE("of a virtual function only the files of NVIDIA's driver are settings, but not the type") {
  Files files;
  files.device.name = "0000:41:00.4";
  files.write("numa_node", "0\n", true);
  files.write("nvidia/vgpu_params", "x=1\n", true);
  files.write("nvidia/current_vgpu_type", "1\n", true);
  CHECK(files.found() == Texts{"nvidia/vgpu_params=x=1"});
}

TEST_CASE("vfio-ap devices, and devices that do not exist, have no settable files") {
  Files files;
  files.write("assign_adapter", "", true);
  CHECK_FALSE(files.found().empty());
  files.device.type = *TypeName::parse("vfio_ap-passthrough");
  CHECK(files.found().empty());
  files.device.type = *TypeName::parse("mbochs-medium");
  files.device.path = "sys/devices/virtual/mbochs/mbochs/gone";
  CHECK(files.found().empty());
}
