#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <mdevadm/sys/dir.hpp>

#include <filesystem>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using sys::Dir;

namespace fs = std::filesystem;

TEST_CASE("UniqueFd closes its descriptor exactly once also after move and self-move") {
  sys::UniqueFd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  sys::UniqueFd second(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = first.get();
  const int overwritten = second.get();
  second = std::move(first);
  CHECK(second.get() == number);
  CHECK(::fcntl(overwritten, F_GETFD) == -1);
  sys::UniqueFd& alias = second;
  second = std::move(alias);
  CHECK(::fcntl(number, F_GETFD) != -1);
  second.reset();
  CHECK(::fcntl(number, F_GETFD) == -1);
  CHECK_FALSE(second);
}

TEST_CASE("Dir::open of a missing directory returns ENOENT and the path") {
  const auto dir = Dir::open("/nonexistent/x");
  REQUIRE_FALSE(dir);
  CHECK(dir.error().number == ENOENT);
  CHECK(dir.error().path == "/nonexistent/x");
}

TEST_CASE("read_attribute removes exactly one trailing newline") {
  const test::TempDir temp;
  test::write_text(temp.path() / "one", "24\n");
  test::write_text(temp.path() / "two", "a\n\n");
  test::write_text(temp.path() / "none", "x");
  const Dir dir = *Dir::open(temp.str());
  CHECK(*dir.read_attribute("one") == "24");
  CHECK(*dir.read_attribute("two") == "a\n");
  CHECK(*dir.read_attribute("none") == "x");
  CHECK_FALSE(dir.read_attribute("nosuch"));
}

TEST_CASE("write_attribute neither creates nor truncates a file") {
  const test::TempDir temp;
  test::write_text(temp.path() / "there", "12345");
  const Dir dir = *Dir::open(temp.str());
  CHECK(dir.write_attribute("there", "ab"));
  CHECK(test::read_text(temp.path() / "there") == "ab345");
  const auto missing = dir.write_attribute("missing", "1");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().number == ENOENT);
  CHECK_FALSE(fs::exists(temp.path() / "missing"));
}

TEST_CASE("write_attribute refuses names and links that leave the device directory") {
  const test::TempDir temp;
  test::write_text(temp.path() / "outside", "safe");
  fs::create_directories(temp.path() / "device");
  fs::create_symlink("../outside", temp.path() / "device/link");
  fs::create_symlink("..", temp.path() / "device/up");
  const Dir dir = *Dir::open((temp.path() / "device").string());
  for (const char* name : {"link", "up/outside", "../outside", "/etc/hostname"}) {
    CAPTURE(name);
    const auto written = dir.write_attribute(name, "evil");
    REQUIRE_FALSE(written);
    CHECK(written.error().number == EXDEV);
  }
  CHECK(test::read_text(temp.path() / "outside") == "safe");
}

TEST_CASE("absolute symbolic links are resolved below the root directory") {
  const test::TempDir temp;
  fs::create_directories(temp.path() / "data/mdevadm");
  fs::create_directory_symlink("/data", temp.path() / "etc");
  const Dir root = *Dir::open_root(temp.str());
  CHECK(root.open_dir("etc/mdevadm"));
  const auto made = root.make_dirs("etc/mdevadm/devices/mtty");
  REQUIRE(made);
  CHECK(fs::is_directory(temp.path() / "data/mdevadm/devices/mtty"));
}

TEST_CASE("directories that make_dirs creates have the mode 0755, whatever the umask") {
  const test::TempDir temp;
  const Dir root = *Dir::open_root(temp.str());
  fs::create_directory(temp.path() / "etc");
  ::chmod((temp.path() / "etc").c_str(), 0700);
  const mode_t old = ::umask(077);
  const auto made = root.make_dirs("etc/mdevadm/devices");
  ::umask(old);
  REQUIRE(made);
  CHECK((root.status("etc")->mode & 07777) == 0700);
  CHECK((root.status("etc/mdevadm")->mode & 07777) == 0755);
  CHECK((root.status("etc/mdevadm/devices")->mode & 07777) == 0755);
}

TEST_CASE("read_file and read_stream return whole files of any length") {
  const test::TempDir temp;
  const Dir dir = *Dir::open(temp.str());
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{4096},
                                   std::size_t{4097}, std::size_t{100000}}) {
    const std::string text(length, 'x');
    test::write_text(temp.path() / "file", text);
    CHECK(*dir.read_file("file") == text);
    CHECK(*sys::read_stream((temp.path() / "file").string()) == text);
  }
}

TEST_CASE("entries distinguishes files and directories and links and can be called repeatedly") {
  const test::TempDir temp;
  test::write_text(temp.path() / "file", "");
  fs::create_directory(temp.path() / "dir");
  fs::create_symlink("nowhere", temp.path() / "link");
  const Dir dir = *Dir::open(temp.str());
  for (int i = 0; i < 2; ++i) {
    std::string found;
    const auto entries = dir.entries();
    REQUIRE(entries);
    for (const sys::Entry& entry : *entries) {
      found += entry.name + (entry.kind == sys::EntryKind::file        ? "=file "
                             : entry.kind == sys::EntryKind::directory ? "=dir "
                                                                       : "=link ");
    }
    CHECK(found.size() == std::string("file=file dir=dir link=link ").size());
    CHECK(found.find("dir=dir ") != std::string::npos);
    CHECK(found.find("link=link ") != std::string::npos);
  }
}

TEST_CASE("entries returns ENOENT for the open files of a process that has ended") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const auto files = Dir::open("/proc/" + std::to_string(child) + "/fd");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  REQUIRE(files);
  const auto entries = files->entries();
  REQUIRE_FALSE(entries);
  CHECK(entries.error().number == ENOENT);
}

TEST_CASE("devices and FIFOs are not read as files") {
  const test::TempDir temp;
  REQUIRE(::mkfifo((temp.path() / "fifo").c_str(), 0600) == 0);
  fs::create_symlink("/dev/zero", temp.path() / "zero");
  fs::create_symlink("/dev/null", temp.path() / "null");
  const Dir dir = *Dir::open(temp.str());
  for (const char* name : {"fifo", "zero", "null"}) {
    const auto content = dir.read_file(name);
    REQUIRE_FALSE(content);
    CHECK(content.error().number == sys::not_a_file);
  }
  const sys::UniqueFd writer(::open((temp.path() / "fifo").c_str(), O_RDWR | O_CLOEXEC));
  CHECK(dir.read_file("fifo").error().number == sys::not_a_file);
}

// A tree whose links, absolute and relative, lead to a directory beside it; another directory of the tree has
// the same path below the top.
struct LeadingOut {
  test::TempDir temp;
  std::string outside = (temp.path() / "outside").string();
  fs::path top = temp.path() / "top";
  Dir root;

  LeadingOut() : root(make(temp)) {}

  static Dir make(const test::TempDir& temp) {
    const fs::path top = temp.path() / "top";
    const std::string outside = (temp.path() / "outside").string();
    test::write_text(temp.path() / "outside/file", "outside");
    fs::create_directories(top / "real/inner");
    test::write_text(top / "real/file", "inside");
    fs::create_directory_symlink(outside, top / "absolute");
    fs::create_directory_symlink("../outside", top / "relative");
    fs::create_directory_symlink("../../../../../../../../../real", top / "real/inner/up");
    fs::create_symlink(outside + "/file", top / "real/link");
    fs::create_symlink("../../outside/file", top / "real/inner/link");
    return *Dir::open_root(top.string());
  }
};

TEST_CASE("no name below the top of a tree leads out of it") {
  const LeadingOut tree;
  const Dir inner = *tree.root.open_dir("real/inner");
  CHECK_FALSE(tree.root.open_dir("absolute"));
  CHECK_FALSE(tree.root.open_dir("relative"));
  CHECK_FALSE(tree.root.make_dirs("absolute/new"));
  CHECK_FALSE(tree.root.make_dirs("relative/new"));
  CHECK_FALSE(tree.root.read_file("absolute/file"));
  CHECK_FALSE(tree.root.exists("relative/file"));
  CHECK_FALSE(tree.root.status("real/link"));
  CHECK_FALSE(tree.root.open_node("real/link"));
  CHECK_FALSE(tree.root.write_attribute("real/link", "x"));
  CHECK_FALSE(tree.root.set_mode("real/link", 0777));
  CHECK_FALSE(tree.root.set_owner("real/link", ::geteuid(), std::nullopt));
  CHECK_FALSE(inner.read_file("link"));
  CHECK_FALSE(inner.read_attribute("link"));
  CHECK_FALSE(inner.write_attribute("link", "x"));
  CHECK_FALSE(inner.set_mode("link", 0777));
  CHECK(test::read_text(tree.temp.path() / "outside/file") == "outside");
  CHECK(std::distance(fs::directory_iterator(tree.outside), fs::directory_iterator()) == 1);
}

TEST_CASE("names that stay below the top of a tree are resolved as in the root directory") {
  const LeadingOut tree;
  const Dir inner = *tree.root.open_dir("real/inner");
  CHECK(*inner.read_file("up/file") == "inside");
  CHECK(*inner.read_file("../file") == "inside");
  CHECK(*inner.open_dir("up/inner")->read_link("link") == "../../outside/file");
  CHECK(inner.exists("link"));
  CHECK(inner.read_link(".").error().number == EINVAL);
  CHECK(*tree.root.inode("real/file") == *inner.inode("up/file"));
  CHECK(tree.root.set_mode("real/file", 0640));
  CHECK((tree.root.status("real/file")->mode & 07777) == 0640);
  CHECK(tree.root.write_attribute("real/file", "edited"));
  CHECK(*tree.root.read_attribute("real/file") == "edited");
  CHECK_FALSE(inner.open_dir(""));
}

TEST_CASE("an attribute of a tree that is a FIFO does not block") {
  const test::TempDir temp;
  REQUIRE(::mkfifo((temp.path() / "fifo").c_str(), 0600) == 0);
  const Dir root = *Dir::open_root(temp.str());
  CHECK(*root.read_attribute("fifo") == "");
  CHECK(root.write_attribute("fifo", "1").error().number == ENXIO);
}
