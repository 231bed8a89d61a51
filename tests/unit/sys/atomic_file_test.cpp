#include <sys/stat.h>
#include <unistd.h>
#include <mdevadm/sys/atomic_file.hpp>

#include <filesystem>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using sys::AtomicFile;
using sys::Dir;

namespace fs = std::filesystem;

namespace {

std::size_t files_in(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("AtomicFile replaces the old content on commit and not before") {
  const test::TempDir temp;
  test::write_text(temp.path() / "f", "old");
  const Dir dir = *Dir::open(temp.str());
  {
    AtomicFile file = *AtomicFile::create(dir, "f", 0644);
    REQUIRE(file.write("new"));
    CHECK(test::read_text(temp.path() / "f") == "old");
    REQUIRE(file.commit());
    CHECK(test::read_text(temp.path() / "f") == "new");
  }
  CHECK(files_in(temp.path()) == 1);
}

TEST_CASE("AtomicFile removes its temporary file if it is not committed") {
  const test::TempDir temp;
  const Dir dir = *Dir::open(temp.str());
  {
    AtomicFile file = *AtomicFile::create(dir, "f", 0644);
    REQUIRE(file.write("half"));
    AtomicFile moved = std::move(file);
    CHECK(files_in(temp.path()) == 1);
  }
  CHECK(files_in(temp.path()) == 0);
}

TEST_CASE("AtomicFile preserves mode and owner of the replaced file") {
  const test::TempDir temp;
  test::write_text(temp.path() / "f", "old");
  REQUIRE(::chmod((temp.path() / "f").c_str(), 0640) == 0);
  const bool root = ::getuid() == 0;
  if (root) {
    REQUIRE(::chown((temp.path() / "f").c_str(), 1, 2) == 0);
  }
  const Dir dir = *Dir::open(temp.str());
  AtomicFile file = *AtomicFile::create(dir, "f", 0644);
  REQUIRE(file.commit());
  struct stat found {};
  REQUIRE(::stat((temp.path() / "f").c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0640);
  if (root) {
    CHECK(found.st_uid == 1);
    CHECK(found.st_gid == 2);
  }
}

TEST_CASE("is_temporary recognizes temporary files by their name") {
  CHECK(AtomicFile::is_temporary(".mdevadm-new-17-x.toml"));
  CHECK_FALSE(AtomicFile::is_temporary("x.toml"));
  CHECK_FALSE(AtomicFile::is_temporary(".x.toml.swp"));
}

TEST_CASE("AtomicFile::set_mode() overrides the umask and the mode of the old file") {
  const test::TempDir temp;
  test::write_text(temp.path() / "f", "old");
  fs::permissions(temp.path() / "f", fs::perms::owner_read);
  const Dir dir = *Dir::open(temp.str());
  const mode_t before = ::umask(077);
  AtomicFile file = *AtomicFile::create(dir, "f", 0644);
  REQUIRE(file.set_mode(0644));
  ::umask(before);
  REQUIRE(file.commit());
  CHECK(fs::status(temp.path() / "f").permissions() == static_cast<fs::perms>(0644));
}

TEST_CASE("temporary files of processes that have died are removed, others are not") {
  const test::TempDir temp;
  const Dir dir = *Dir::open(temp.str());
  // No process has the highest possible ID.
  const std::string dead = ".mdevadm-new-4194304-m.prom.tmp";
  const std::string alive = ".mdevadm-new-" + std::to_string(::getppid()) + "-m.prom.tmp";
  for (const std::string& name :
       {dead, alive, std::string(".mdevadm-new-4194304-other.tmp"), std::string(".mdevadm-new-x")}) {
    test::write_text(temp.path() / name, "x");
  }
  AtomicFile::remove_left(dir, "m.prom");
  CHECK_FALSE(dir.exists(dead));
  CHECK(dir.exists(alive));
  CHECK(dir.exists(".mdevadm-new-4194304-other.tmp"));
  CHECK(dir.exists(".mdevadm-new-x"));
  const std::string longest(251, 'n');
  auto file = AtomicFile::create(dir, longest, 0644);
  REQUIRE(file);
  for (const auto& entry : fs::directory_iterator(temp.path())) {
    CHECK_FALSE(entry.path().filename().string().ends_with(longest));
  }
  CHECK(file->commit());
  CHECK(dir.exists(longest));
}
