#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <mdevadm/store/store.hpp>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <filesystem>
#include <mdevadm/sys/interrupt.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using store::Store;

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr const char* uuid_text = "c0ffee00-1111-4222-8333-444444444444";

Definition definition(const char* parent = "mtty", const char* uuid = uuid_text) {
  return {*Uuid::parse(uuid), *ParentName::parse(parent), *TypeName::parse("mtty-1")};
}

ExitCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::done;
}

}  // namespace

TEST_CASE("loading without a configuration directory returns nothing and creates no directory") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  CHECK(store.load().all.empty());
  CHECK(fs::is_empty(temp.path()));
}

TEST_CASE("an added definition can be loaded and adding it again is a conflict") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  store.add(definition(), std::nullopt);
  CHECK(store.load().all == std::vector{definition()});
  CHECK(code_of([&] { store.add(definition(), std::nullopt); }) == ExitCode::conflict);
  store.add(definition("0000:86:00.0"), std::nullopt);
  CHECK(store.load().all.size() == 2);
  CHECK(store.load(*ParentName::parse("mtty")).all.size() == 1);
  CHECK(store.path_of(definition()) == temp.str() + "/etc/mdevadm/devices/mtty/" + uuid_text + ".toml");
}

TEST_CASE("a definition added with its text is stored with exactly this text") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  const std::string text = "# mine\ntype = 'mtty-1'";
  store.add(definition(), text);
  CHECK(test::read_text(store.path_of(definition())) == text);
}

TEST_CASE("replace is a conflict if the stored definition differs from the expected one") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  store.add(definition(), std::nullopt);
  Definition after = definition();
  after.start = StartMode::automatic;
  store.replace(definition(), after);
  CHECK(store.load().all == std::vector{after});
  CHECK(code_of([&] { store.replace(definition(), after); }) == ExitCode::conflict);
}

TEST_CASE("removing the last definition of a parent removes the parent's directory") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  const Definition other = definition("mtty", "00000000-0000-0000-0000-000000000001");
  store.add(definition(), std::nullopt);
  store.add(other, std::nullopt);
  store.remove(definition());
  CHECK(fs::exists(temp.path() / "etc/mdevadm/devices/mtty"));
  store.remove(other);
  CHECK_FALSE(fs::exists(temp.path() / "etc/mdevadm/devices/mtty"));
}

TEST_CASE("invalid files are reported and left unchanged while valid ones are loaded") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  store.add(definition(), std::nullopt);
  const fs::path directory = temp.path() / "etc/mdevadm/devices/mtty";
  const std::string garbage = "type = \x01\n";
  test::write_text(directory / "00000000-0000-0000-0000-000000000001.toml", garbage);
  test::write_text(directory / "not-a-uuid.toml", "type='x'");
  test::write_text(directory / "C0FFEE00-1111-4222-8333-444444444445.toml", "type='x'");
  test::write_text(directory / "README", "not ours");
  test::write_text(directory / ".c0ffee00-1111-4222-8333-444444444444.toml.swp", "an editor's");
  fs::create_symlink("nowhere", directory / "00000000-0000-0000-0000-000000000002.toml");
  fs::create_directory(directory / "00000000-0000-0000-0000-000000000003.toml");
  const Definitions loaded = store.load();
  CHECK(loaded.all == std::vector{definition()});
  CHECK(loaded.broken.size() == 5);
  CHECK(test::read_text(directory / "00000000-0000-0000-0000-000000000001.toml") == garbage);
}

TEST_CASE("the next change removes temporary files left by a killed process") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  const fs::path left = temp.path() / "etc/mdevadm/devices/mtty/.mdevadm-new-1-x.toml";
  test::write_text(left, "half");
  CHECK(store.load().all.empty());
  CHECK(store.load().broken.empty());
  store.add(definition(), std::nullopt);
  CHECK_FALSE(fs::exists(left));
}

TEST_CASE("a duplicate name is reported, with a command that ends it") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  Definition first = definition("mtty", "00000000-0000-0000-0000-000000000001");
  Definition second = definition();
  first.name = second.name = Label::parse("twin");
  store.add(second, std::nullopt);
  store.add(first, std::nullopt);
  const Definitions loaded = store.load();
  CHECK(loaded.all.size() == 2);
  REQUIRE(loaded.problems.size() == 1);
  CHECK(loaded.problems[0].message.find("duplicate name 'twin': also the name of") == 0);
  CHECK(loaded.problems[0].remedy ==
        "give the definition another name: mdevadm modify " + loaded.all[1].uuid.str() + " --name NAME");
  CHECK(loaded.find_label(*Label::parse("twin"))->uuid == first.uuid);
}

TEST_CASE("an unreadable definition directory is an error") {
  if (::getuid() == 0) {
    const test::TempDir temp;
    test::write_text(temp.path() / "etc/mdevadm/devices", "a file in place of the directory");
    const sys::Dir root = *sys::Dir::open(temp.str());
    CHECK(code_of([&] { Store(root).load(); }) == ExitCode::failed);
    return;
  }
  const test::TempDir temp;
  fs::create_directories(temp.path() / "etc/mdevadm/devices");
  fs::permissions(temp.path() / "etc/mdevadm/devices", fs::perms::none);
  const sys::Dir root = *sys::Dir::open(temp.str());
  CHECK(code_of([&] { Store(root).load(); }) == ExitCode::failed);
  fs::permissions(temp.path() / "etc/mdevadm/devices", fs::perms::owner_all);
}

TEST_CASE("a directory that is a symbolic link to nothing is an error") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  for (const char* name : {"devices", "groups", "parents"}) {
    fs::create_directories(temp.path() / "etc/mdevadm");
    fs::create_symlink("nothing", temp.path() / "etc/mdevadm" / name);
    CHECK(code_of([&] {
            std::ignore = Store(root).load();
            std::ignore = Store(root).load_groups();
            std::ignore = Store(root).load_parent_settings();
          }) == ExitCode::failed);
    fs::remove_all(temp.path() / "etc/mdevadm");
  }
}

TEST_CASE("one of several mdevctl files of a device takes precedence and all are removed together") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  const fs::path directory = temp.path() / "etc/mdevctl.d/mtty";
  std::string capitals = uuid_text;
  std::transform(capitals.begin(), capitals.end(), capitals.begin(), ::toupper);
  REQUIRE(capitals != uuid_text);
  test::write_text(directory / capitals, R"({"mdev_type":"mtty-2","start":"auto"})");
  test::write_text(directory / uuid_text, R"({"mdev_type":"mtty-1","start":"manual"})");
  KeptConfigs configs = store.load_configs();
  REQUIRE(configs.all.size() == 1);
  CHECK(configs.all.front().config.type == "mtty-1");
  CHECK(configs.all.front().also == std::vector{capitals});
  REQUIRE(configs.problems.size() == 1);
  CHECK(configs.problems.front().path == (directory / capitals).string());
  CHECK(store.load().all == std::vector{*definition_of(configs.all.front()).definition});

  store.remove_config(configs.all.front());
  CHECK(store.load_configs().all.empty());
  CHECK(fs::is_empty(directory));
  CHECK(code_of([&] { store.remove_config(configs.all.front()); }) == ExitCode::not_found);
}

TEST_CASE(
    "a definition in mdevctl's format is not modified if it has changed or the format lacks a setting") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  const fs::path file = temp.path() / "etc/mdevctl.d/mtty" / uuid_text;
  const std::string text = R"({"mdev_type":"mtty-1","start":"manual"})";
  test::write_text(file, text);
  const Definition before = store.load().all.at(0);
  Definition named = before;
  named.aggregate = 2;
  CHECK(code_of([&] { store.replace(before, named); }) == ExitCode::failed);
  Definition other = before;
  other.start = StartMode::automatic;
  CHECK(code_of([&] { store.replace(other, before); }) == ExitCode::conflict);
  CHECK(test::read_text(file) == text);
  store.replace(before, other);
  CHECK(store.load().all == std::vector{other});
}

TEST_CASE("writing an mdevctl config for a parent named scripts.d is refused") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  CHECK(code_of([&] {
          Store(root).write_config({*Uuid::parse(uuid_text), *ParentName::parse("scripts.d"), {"mtty-1"}});
        }) == ExitCode::usage);
  CHECK(fs::is_empty(temp.path()));
}

TEST_CASE("an unreadable mdevctl directory is reported and mdevadm's definitions are still loaded") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  store.add(definition(), std::nullopt);
  // A symbolic link loop, which root cannot open either.
  fs::create_directory_symlink("mdevctl.d", temp.path() / "etc/mdevctl.d");
  CHECK(store.load_configs().unread.size() == 1);
  const Definitions loaded = store.load();
  CHECK(loaded.all == std::vector{definition()});
  REQUIRE(loaded.problems.size() == 1);
  CHECK(loaded.problems.front().message.find("cannot read the directory") == 0);
}

TEST_CASE("a symbolic link among mdevctl's definitions is not read, but reported") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  const fs::path directory = temp.path() / "etc/mdevctl.d/mtty";
  test::write_text(temp.path() / "shared", R"({"mdev_type":"mtty-2","start":"auto"})");
  fs::create_directories(directory);
  fs::create_symlink(temp.path() / "shared", directory / uuid_text);
  fs::create_symlink(temp.path() / "shared", directory / "README");
  const Definitions loaded = store.load();
  CHECK(loaded.all.empty());
  REQUIRE(loaded.problems.size() == 1);
  CHECK(loaded.problems[0].path == (directory / uuid_text).string());
  CHECK(loaded.problems[0].message.find("a symbolic link") == 0);
  CHECK(store.load_configs().problems.empty());
  CHECK(store.load_configs({.links = true}).links.empty());
}

TEST_CASE("a symbolic link in the place of a parent's directory of mdevctl is not read, but reported") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  const fs::path configs = temp.path() / "etc/mdevctl.d";
  test::write_text(temp.path() / "shared" / uuid_text, R"({"mdev_type":"mtty-2","start":"auto"})");
  test::write_text(configs / "text", "not a directory");
  fs::create_symlink(temp.path() / "shared", configs / "mtty");
  fs::create_symlink("text", configs / "README");
  fs::create_symlink("nowhere", configs / "mdpy");
  fs::create_symlink(temp.path() / "shared", configs / "scripts.d");
  for (const std::optional<ParentName>& parent : {std::optional<ParentName>{}, ParentName::parse("mtty")}) {
    const Definitions loaded = store.load(parent);
    CHECK(loaded.all.empty());
    REQUIRE(loaded.problems.size() == (parent ? 1 : 2));
    CHECK(loaded.problems.back().path == (configs / "mtty").string());
    CHECK(loaded.problems.back().message.find("a symbolic link") == 0);
  }
}

TEST_CASE("an invalid mdevctl file next to a valid one of the same device is ignored and removed with it") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  const fs::path directory = temp.path() / "etc/mdevctl.d/mtty";
  std::string capitals = uuid_text;
  std::transform(capitals.begin(), capitals.end(), capitals.begin(), ::toupper);
  test::write_text(directory / uuid_text, "{");
  test::write_text(directory / capitals, R"({"mdev_type":"mtty-2","start":"auto"})");
  const KeptConfigs configs = store.load_configs();
  REQUIRE(configs.all.size() == 1);
  CHECK(configs.all.front().file == capitals);
  CHECK(configs.broken.empty());
  REQUIRE(configs.problems.size() == 1);
  CHECK(configs.problems.front().path == (directory / uuid_text).string());
  store.remove_config(configs.all.front());
  CHECK(fs::is_empty(directory));
}

TEST_CASE("a definition that has changed is not removed") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  store.add(definition(), std::nullopt);
  Definition other = definition();
  other.start = StartMode::automatic;
  CHECK(code_of([&] { store.remove(other); }) == ExitCode::conflict);
  CHECK(store.load().all.size() == 1);
  store.remove(definition());
  CHECK(code_of([&] { store.remove(definition()); }) == ExitCode::not_found);
  CHECK_FALSE(root.exists("etc/mdevadm/devices/mtty"));
}

TEST_CASE("a definition is neither removed nor replaced if its file cannot be used any more") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  Definition other = definition();
  other.start = StartMode::automatic;
  for (const Origin origin : {Origin::mdevadm, Origin::mdevctl}) {
    Definition before = definition();
    before.origin = other.origin = origin;
    store.add(before, std::nullopt);
    test::write_text(store.path_of(before), "being edited");
    CHECK(code_of([&] { store.remove(before); }) == ExitCode::conflict);
    CHECK(code_of([&] { store.replace(before, other); }) == ExitCode::conflict);
    CHECK(test::read_text(store.path_of(before)) == "being edited");
    std::filesystem::remove(store.path_of(before));
    CHECK(code_of([&] { store.remove(before); }) == ExitCode::not_found);
    CHECK(code_of([&] { store.replace(before, other); }) == ExitCode::not_found);
    CHECK(store.load().all.empty());
  }
}

TEST_CASE("settings of a parent are neither replaced nor removed if another process has changed them") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  const ParentName gpu = *ParentName::parse("0000:41:00.0");
  ParentSettings other{gpu};
  other.commands.push_back({.command = {"true"}});
  store.write_parent_settings(std::nullopt, {gpu});
  CHECK(code_of([&] { store.write_parent_settings(std::nullopt, other); }) == ExitCode::conflict);
  CHECK(code_of([&] { store.write_parent_settings(other, {gpu}); }) == ExitCode::conflict);
  store.write_parent_settings(ParentSettings{gpu}, other);
  CHECK(store.load_parent_settings().all == std::vector{other});
  CHECK(code_of([&] { store.remove_parent_settings({gpu}); }) == ExitCode::conflict);
  CHECK(store.load_parent_settings().all == std::vector{other});
  store.remove_parent_settings(other);
  CHECK(store.load_parent_settings().all.empty());
  CHECK(code_of([&] { store.remove_parent_settings(other); }) == ExitCode::not_found);
  std::filesystem::remove_all(temp.path() / "etc/mdevadm/parents");
  CHECK(code_of([&] { store.remove_parent_settings(other); }) == ExitCode::not_found);
  CHECK_FALSE(root.exists("etc/mdevadm/parents"));
}

TEST_CASE("a name of several definitions is reported, whatever others have no name") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  for (int number = 1; number < 5; ++number) {
    Definition one =
        definition("mtty", ("00000000-0000-0000-0000-00000000000" + std::to_string(number)).c_str());
    one.name = number % 2 == 0 ? Label::parse("twin") : std::nullopt;
    store.add(one, std::nullopt);
  }
  CHECK(store.load().problems.size() == 1);
}

TEST_CASE("an interruption ends the wait for the lock of the definitions") {
  for (const char* locked : {"etc/mdevctl.d", "run/mdevadm/definitions.lock"}) {
    const test::TempDir temp;
    const sys::Dir root = *sys::Dir::open(temp.str());
    fs::create_directories(temp.path() / "etc/mdevctl.d");
    fs::create_directories(temp.path() / "run/mdevadm");
    const auto held = std::string(locked).ends_with(".lock")
                          ? sys::FileLock::acquire(*root.open_dir("run/mdevadm"), "definitions.lock", 0ms)
                          : sys::FileLock::acquire(*root.open_dir(locked), 0ms);
    REQUIRE(held);
    const pid_t child = ::fork();
    if (child == 0) {  // a process stays interrupted
      std::signal(SIGINT, SIG_DFL);
      sys::catch_signals();
      ::raise(SIGINT);
      std::string text;
      try {
        std::ignore = Store(root).lock();
      } catch (const Error& error) {
        text = error.what();
      }
      ::_exit(text.find("interrupted while waiting for") != std::string::npos ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
}

TEST_CASE(
    "a process that may not use the runtime directory continues without its files if it may lack them") {
  if (::geteuid() != 0) {
    WARN("cannot become another user: not root");
    return;
  }
  const test::TempDir temp;
  fs::permissions(temp.path(), fs::perms::others_exec | fs::perms::others_read, fs::perm_options::add);
  fs::create_directories(temp.path() / "run/mdevadm");
  test::write_text(temp.path() / "run/mdevadm/definitions.lock", "");
  fs::permissions(temp.path() / "run/mdevadm/definitions.lock", fs::perms::owner_all);
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t other = 65534;
    const sys::Dir root = *sys::Dir::open(temp.str());
    if (::setgroups(0, nullptr) != 0 || ::setgid(other) != 0 || ::setuid(other) != 0) {
      ::_exit(1);
    }
    std::string text;
    const Store may_lack(root, Store::Runtime::optional, [&](const std::string& why) { text = why; });
    if (code_of([&] { std::ignore = may_lack.lock(); }) != ExitCode::done ||
        text.find("Permission denied; continuing without the lock") == std::string::npos) {
      ::_exit(2);
    }
    ::_exit(code_of([&] { std::ignore = Store(root).lock(); }) == ExitCode::failed ? 0 : 3);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("the definitions of some devices are read without the problems of others") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  std::vector<Uuid> wanted;
  for (int number = 10; number < 40; ++number) {
    const std::string name = "00000000-0000-0000-0000-0000000000" + std::to_string(number);
    wanted.push_back(*Uuid::parse(name));
    test::write_text(temp.path() / "etc/mdevctl.d/mtty" / name,
                     "{\"mdev_type\":\"mtty-1\",\"start\":\"manual\",\"attrs\":[]}");
  }
  test::write_text(temp.path() / "etc/mdevctl.d/mtty" / uuid_text, "{");
  for (const std::size_t count : {std::size_t{1}, wanted.size()}) {
    const Definitions some =
        store.load_some({wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(count)});
    CHECK(some.all.size() == count);
    CHECK(some.broken.empty());
  }
  CHECK(store.load().broken.size() == 1);
}
