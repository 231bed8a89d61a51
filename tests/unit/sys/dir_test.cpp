#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
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
  const Dir root = *Dir::open(temp.str());
  CHECK(root.open_dir_as_root("etc/mdevadm"));
  const auto made = root.make_dirs("etc/mdevadm/devices/mtty");
  REQUIRE(made);
  CHECK(fs::is_directory(temp.path() / "data/mdevadm/devices/mtty"));
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
