// The autostart on a host tree, beside a thread that does what the kernel does in it.
#include <mdevadm/run/boot.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <functional>
#include <mdevadm/sys/unique_fd.hpp>
#include <thread>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace fs = std::filesystem;

namespace {

const ParentName mtty = *ParentName::parse("mtty");
const Uuid one = *Uuid::parse("00000000-0000-4000-8000-0000000000b1");
const Uuid two = *Uuid::parse("00000000-0000-4000-8000-0000000000b2");

struct Watcher final : BootWatcher {
  void waiting(const Refusal& refusal, std::chrono::milliseconds patience) override {
    waits.push_back(refusal.about.key());
    patiences.push_back(patience);
    if (on_waiting) {
      on_waiting();
    }
  }
  void waiting_for(const std::string&, std::chrono::milliseconds) override { ++lock_waits; }
  void ended(const BootItem&) override { ++ends; }
  void prepared(const ParentName&, const std::optional<Error>&) override {}

  std::vector<std::string> waits;
  std::vector<std::chrono::milliseconds> patiences;
  std::function<void()> on_waiting{};
  int ends = 0;
  int lock_waits = 0;
};

struct Booted : test::Host {
  explicit Booted(const char* name = "samples") : test::Host(name) {}

  sys::Dir root = *sys::Dir::open(str());
  mdevadm::Host host{root};
  store::Store store{root};
  Effects effects{host, store};
  Watcher watcher;

  fs::path types(const ParentName& parent = mtty) const {
    return path() / "sys/devices/virtual" / parent.str() / parent.str() / "mdev_supported_types";
  }

  Definition define(const Uuid& uuid, const char* type = "mtty-1", const ParentName& parent = mtty) const {
    Definition definition{uuid, parent, *TypeName::parse(type)};
    definition.start = StartMode::automatic;
    store.add(definition, std::nullopt);
    return definition;
  }

  // Hides a parent until the function returned is called.
  std::function<void()> hide(const ParentName& parent) const {
    const fs::path link = path() / "sys/class/mdev_bus" / parent.str();
    const fs::path target = fs::read_symlink(link);
    fs::remove(link);
    const fs::path directory = path() / "sys/devices/virtual" / parent.str();
    const fs::path hidden = path() / ("hidden-" + parent.str());
    fs::rename(directory, hidden);
    return [=] {
      fs::rename(hidden, directory);
      fs::create_symlink(target, link);
    };
  }

  std::vector<BootItem> run(const std::vector<BootUnit>& units, std::chrono::milliseconds patience) {
    return start_at_boot(units, {.patience = patience}, effects, watcher);
  }

  std::optional<BootEvent> event(const Definition& definition) const {
    const BootEvents events = store.load_boot_events();
    const BootEvent* found = events.find(definition.uuid, definition.parent);
    return found != nullptr ? std::optional(*found) : std::nullopt;
  }
};

// Makes the directory of each device that is created on mtty.
class Kernel {
 public:
  explicit Kernel(const Booted& tree) : tree_(tree) {
    for (const char* type : {"mtty-1", "mtty-2"}) {
      const fs::path file = tree.types() / type / "create";
      fs::remove(file);
      REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
      creations_.emplace_back(type, ::open(file.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    }
    thread_ = std::thread([this] {
      while (!ends_) {
        for (const auto& [type, fifo] : creations_) {
          create(type, fifo);
        }
        std::this_thread::sleep_for(2ms);
      }
    });
  }
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  ~Kernel() {
    ends_ = true;
    thread_.join();
  }

 private:
  void create(const std::string& type, const sys::UniqueFd& fifo) const {
    std::array<char, 37> line{};  // a UUID and a newline
    while (::read(fifo.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) {
      const std::string uuid(line.data(), line.size() - 1);
      const std::string directory = "sys/devices/virtual/mtty/mtty/" + uuid;
      test::lay_tree(directory + "/iommu_group -> ../../../../../kernel/iommu_groups/0\n" + directory +
                         "/mdev_type -> ../mdev_supported_types/" + type + "\nsys/bus/mdev/devices/" + uuid +
                         " -> ../../../devices/virtual/mtty/mtty/" + uuid + "\n",
                     tree_.path());
    }
  }

  const Booted& tree_;
  std::vector<std::pair<std::string, sys::UniqueFd>> creations_;
  std::atomic<bool> ends_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("the devices of a parent are started, and the results are stored") {
  Booted tree;
  const Kernel kernel(tree);
  const Definition first = tree.define(one), second = tree.define(two, "mtty-2");
  const std::vector<BootItem> items = tree.run({{.wanted = {first, second}}}, 5s);
  REQUIRE(items.size() == 2);
  for (const BootItem& item : items) {
    CHECK(item.result.outcome == Outcome::done);
    CHECK(item.tries == 1);
  }
  CHECK(tree.watcher.waits.empty());
  CHECK(tree.watcher.ends == 2);
  REQUIRE(tree.event(first));
  CHECK(tree.event(first)->outcome == BootOutcome::started);
  CHECK(tree.event(second)->outcome == BootOutcome::started);
  CHECK(tree.host.observe({Facet::devices, {}, {}}).find_device(one) != nullptr);
  // What is active already keeps the record of its own start.
  const BootEvent before = *tree.event(first);
  CHECK(tree.run({{.wanted = {first}}}, 5s).at(0).result.outcome == Outcome::unchanged);
  CHECK(tree.event(first) == before);
}

TEST_CASE("a parent that does not appear is waited for as long as the option says, with pauses") {
  Booted tree;
  const std::function<void()> show = tree.hide(mtty);
  const Definition definition = tree.define(one);
  const std::vector<BootItem> items = tree.run({{.wanted = {definition}}}, 400ms);
  REQUIRE(items.size() == 1);
  REQUIRE(items[0].result.error);
  CHECK(items[0].result.error->code() == ExitCode::not_found);
  CHECK_THAT(items[0].result.error->what(), ContainsSubstring(" (tried for "));
  CHECK(items[0].waited >= 400ms);
  CHECK(items[0].tries > 1);
  CHECK(items[0].tries < 12);  // 20 ms, 40 ms, and so on up to 250 ms
  CHECK(tree.watcher.waits == std::vector<std::string>{one.str()});
  CHECK(tree.watcher.patiences == std::vector<std::chrono::milliseconds>{400ms});
  REQUIRE(tree.event(definition));
  CHECK(tree.event(definition)->outcome == BootOutcome::failed);
  show();
}

TEST_CASE("a device is started soon after its parent has appeared") {
  Booted tree;
  const Kernel kernel(tree);
  const std::function<void()> show = tree.hide(mtty);
  const Definition definition = tree.define(one);
  tree.watcher.on_waiting = show;
  const std::vector<BootItem> items = tree.run({{.wanted = {definition}}}, 60s);
  REQUIRE(items.size() == 1);
  CHECK(items[0].result.outcome == Outcome::done);
  CHECK(items[0].tries > 1);
  CHECK(items[0].waited < 30s);
}

TEST_CASE("a type that is missing beside others is not waited for longer than the option says") {
  Booted tree;
  const Definition definition = tree.define(one, "mtty-3");
  const std::vector<BootItem> items = tree.run({{.wanted = {definition}}}, 100ms);
  REQUIRE(items.size() == 1);
  CHECK(items[0].result.error->code() == ExitCode::not_found);
  CHECK(tree.watcher.patiences == std::vector<std::chrono::milliseconds>{100ms});
  Booted patient;
  patient.watcher.on_waiting = [&] {
    fs::copy(patient.types() / "mtty-1", patient.types() / "mtty-3",
             fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    test::write_text(patient.types() / "mtty-3/available_instances", "0\n");
  };
  const Definition other = patient.define(one, "mtty-3");
  const std::vector<BootItem> found = patient.run({{.wanted = {other}}}, 60s);
  REQUIRE(found.size() == 1);
  CHECK(found[0].result.error->code() == ExitCode::no_capacity);
  CHECK(patient.watcher.patiences == std::vector<std::chrono::milliseconds>{settling});
}

TEST_CASE("what other processes have changed in definitions before the start takes effect") {
  Booted tree;
  const Kernel kernel(tree);
  Definition changed = tree.define(one);
  const Definition removed = tree.define(two);
  const BootUnit unit{.wanted = {changed, removed}};
  tree.store.remove(removed);
  Definition after = changed;
  after.type = *TypeName::parse("mtty-2");
  tree.store.replace(changed, after);
  const std::vector<BootItem> items = tree.run({unit}, 1s);
  REQUIRE(items.size() == 2);
  for (const BootItem& item : items) {
    if (item.job.about.uuid == two) {
      CHECK_THAT(item.result.error->what(), ContainsSubstring("another process has removed its definition"));
    } else {
      CHECK(item.result.outcome == Outcome::done);
    }
  }
  CHECK(tree.host.observe({Facet::devices, {}, {}}).find_device(one)->type->str() == "mtty-2");
}

TEST_CASE("a definition that has moved to another parent is started there, under its lock") {
  Booted tree;
  const Kernel kernel(tree);
  const Definition before = tree.define(one, "mdpy-vga", *ParentName::parse("mdpy"));
  tree.store.remove(before);
  tree.define(one);
  const std::vector<BootItem> items = tree.run({{.wanted = {before}}}, 5s);
  REQUIRE(items.size() == 1);
  CHECK(items[0].result.outcome == Outcome::done);
  CHECK(tree.host.observe({Facet::devices, {}, {}}).find_device(one)->parent == mtty);
}

TEST_CASE("a group is started as a whole, as its file describes it at the start") {
  Booted tree;
  const Kernel kernel(tree);
  const Definition first = tree.define(one), second = tree.define(two);
  Group group{*GroupName::parse("vm1"), {{one}}};
  group.sharing = Sharing::off;
  tree.store.add_group(group);
  const BootUnit unit{.group = group, .wanted = {first}};
  Group larger = group;
  larger.members.push_back({two});
  tree.store.replace_group(group, larger);
  const std::vector<BootItem> items = tree.run({unit}, 1s);
  CHECK(items.size() == 2);
  CHECK(tree.event(second)->outcome == BootOutcome::started);
  tree.store.remove_group(larger);
  const std::vector<BootItem> gone = tree.run({unit}, 1s);
  REQUIRE(gone.size() == 1);
  CHECK_THAT(gone[0].result.error->what(), ContainsSubstring("another process has deleted it"));
}

TEST_CASE("a group waits until all of its parents exist") {
  Booted tree;
  const std::function<void()> show = tree.hide(*ParentName::parse("mdpy"));
  const Definition first = tree.define(one);
  const Definition second = tree.define(two, "mdpy-vga", *ParentName::parse("mdpy"));
  Group group{*GroupName::parse("vm1"), {{one}, {two}}};
  group.sharing = Sharing::off;
  tree.store.add_group(group);
  const std::vector<BootItem> items = tree.run({{.group = group, .wanted = {first, second}}}, 300ms);
  REQUIRE_FALSE(items.empty());
  REQUIRE(items.back().result.error);
  CHECK(items.back().result.error->code() == ExitCode::not_found);
  CHECK(tree.watcher.waits.size() == 1);
  CHECK(tree.host.observe({Facet::devices, {}, {}}).find_device(one) == nullptr);
  show();
}

TEST_CASE("the results of a start that is not the autostart are not stored") {
  Booted tree;
  const Kernel kernel(tree);
  const Definition definition = tree.define(one);
  const auto items = start_at_boot({{.wanted = {definition}}}, {.patience = 1s, .is_autostart = false},
                                   tree.effects, tree.watcher);
  CHECK(items.at(0).result.outcome == Outcome::done);
  CHECK_FALSE(tree.event(definition));
}

TEST_CASE(
    "devices that wait for queues of the host are started when the masks change, without locks before") {
  Booted tree("s390");
  // Adapter 5, domain 171.
  test::lay_tree(R"(
sys/bus/ap/apmask = 0x0400000000000000000000000000000000000000000000000000000000000000\n
sys/bus/ap/aqmask = 0x0000000000000000000000000000000000000000001000000000000000000000\n
)",
                 tree.path());
  const ParentName matrix = *ParentName::parse("matrix");
  Definition definition{one, matrix, *TypeName::parse("vfio_ap-passthrough")};
  definition.attributes = {{*AttributeName::parse("assign_adapter"), "5"},
                           {*AttributeName::parse("assign_domain"), "171"}};
  tree.store.add(definition, std::nullopt);
  std::atomic<bool> waits = false;
  tree.watcher.on_waiting = [&] { waits = true; };
  std::thread other([&] {
    while (!waits) {
      std::this_thread::sleep_for(10ms);
    }
    std::this_thread::sleep_for(1s);  // the second attempt reads the AP bus
    {
      const auto locks = tree.store.lock_parents({matrix}, {});
      std::this_thread::sleep_for(1500ms);
    }
    // The next attempt finds the queue free, and no instance: that is final.
    test::write_text(tree.path() / "sys/bus/ap/apmask", "0x" + std::string(64, '0') + "\n");
    test::write_text(
        tree.path() /
            "sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/available_instances",
        "0\n");
  });
  const std::vector<BootItem> items = tree.run({{.wanted = {definition}}}, 60s);
  other.join();
  REQUIRE(items.size() == 1);
  REQUIRE(items[0].result.error);
  CHECK(items[0].result.error->code() == ExitCode::no_capacity);
  CHECK(items[0].tries > 2);
  CHECK(tree.watcher.waits == std::vector<std::string>{one.str()});
  CHECK(tree.watcher.lock_waits == 0);
}
