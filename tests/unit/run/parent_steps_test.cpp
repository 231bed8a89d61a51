#include <run/parent_steps.hpp>

#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;

namespace {

// A PCI device with two virtual functions.
struct Functions : test::TempDir {
  Functions() {
    test::lay_tree(R"(
sys/bus/pci/devices/0000:41:00.0 -> ../../../devices/pci/0000:41:00.0
sys/devices/pci/0000:41:00.0/sriov_numvfs = 0\n
sys/devices/pci/0000:41:00.0/virtfn0 -> ../0000:41:00.4
sys/devices/pci/0000:41:00.0/virtfn1 -> ../0000:41:00.5
sys/devices/pci/0000:41:00.4/vendor = 0x10de\n
sys/devices/pci/0000:41:00.5/vendor = 0x10de\n
)",
                   path());
  }

  std::filesystem::path directory() const { return path() / "sys/devices/pci/0000:41:00.0"; }

  Error change(std::uint64_t number) const {
    const sys::Dir root = *sys::Dir::open(str());
    try {
      change_functions(Host(root),
                       {*ParentName::parse("0000:41:00.0"), FunctionMethod::sysfs, number, 2, {}});
    } catch (const Error& error) {
      return error;
    }
    return {ExitCode::done, ""};
  }
};

}  // namespace

TEST_CASE("the kernel enables the virtual functions, and their number is checked afterwards") {
  const Functions device;
  test::write_text(device.directory() / "sriov_totalvfs", "2\n");
  CHECK(device.change(2).code() == ExitCode::done);
  CHECK(test::read_text(device.directory() / "sriov_numvfs") == "2\n");
}

TEST_CASE("another number of virtual functions than was written is an error") {
  const Functions device;  // does not say how many it can have, so none is found
  const Error error = device.change(2);
  CHECK(error.code() == ExitCode::failed);
  CHECK(std::string(error.what()) ==
        "0 virtual functions are enabled instead of 2: changed by another process");
  CHECK(test::read_text(device.directory() / "sriov_numvfs") == "2\n");
  CHECK(device.change(0).code() == ExitCode::done);
  CHECK(test::read_text(device.directory() / "sriov_numvfs") == "0\n");
}

TEST_CASE("a preparation is stored only if the parent still has the virtual functions of its settings") {
  const Functions device;
  const sys::Dir root = *sys::Dir::open(device.str());
  const Host host(root);
  const store::Store store(root);
  const ParentName name = *ParentName::parse("0000:41:00.0");
  const Words command{"nvidia-smi", "-q"};
  const auto keep = [&](const ParentName& parent) {
    try {
      keep_preparation(
          {host, store},
          {{parent, {command}},
           ParentSettings{.parent = parent, .functions = FunctionGoal{2}, .method = FunctionMethod::sysfs}});
    } catch (const Error& error) {
      CHECK(error.retry() == Retry::later);
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(keep(*ParentName::parse("0000:42:00.0")) ==
        "0000:42:00.0 has been removed since its commands were started");
  CHECK(keep(name).find("after the last command: a command or another program has changed them") !=
        std::string::npos);
  CHECK(store.load_preparation(name).commands.empty());
  test::write_text(device.directory() / "sriov_totalvfs", "2\n");
  test::write_text(device.directory() / "sriov_numvfs", "2\n");
  CHECK(keep(name).empty());
  CHECK(store.load_preparation(name).commands == std::vector<Words>{command});
  CHECK_FALSE(store.load_preparation(name).setup.empty());
}

TEST_CASE("the reason of a failed preparation is stored until the settings change") {
  const Functions device;
  const sys::Dir root = *sys::Dir::open(device.str());
  const Host host(root);
  const store::Store store(root);
  const ParentName name = *ParentName::parse("0000:41:00.0");
  const Effects effects{host, store};
  CHECK_THROWS_AS(prepare_step(effects, name, [] { throw Error(ExitCode::failed, "why"); }), Error);
  CHECK(store.load_preparation(name).failure == "why");
  prepare_step(effects, name, [] {});
  CHECK(store.load_preparation(name).failure == "why");
  const ParentSettings settings{.parent = name, .functions = FunctionGoal{2}};
  write_settings(effects, {std::nullopt, settings});
  CHECK(store.load_preparation(name).failure.empty());
  CHECK(store.load_parent_settings().all == std::vector{settings});
  keep_failure(effects, name, "again");
  CHECK(store.load_preparation(name).failure == "again");
  remove_settings(effects, {settings});
  CHECK(store.load_preparation(name).failure.empty());
  CHECK(store.load_parent_settings().all.empty());
}
