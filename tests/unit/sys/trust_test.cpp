#include <mdevadm/sys/trust.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
namespace fs = std::filesystem;

namespace {

constexpr uid_t other_user = 1;

// A script with the mode of an ordinary one.
struct Script {
  test::TempDir temp;
  fs::path directory = temp.path() / "scripts";
  fs::path file = directory / "script";

  Script() {
    test::write_text(file, "#!/bin/sh\n");
    fs::permissions(directory, fs::perms(0755));
    fs::permissions(file, fs::perms(0755));
  }

  std::string distrusted() const {
    const auto why = sys::find_untrusted(file.string());
    return why ? why->path : "";
  }
};

bool is_root() {
  return ::geteuid() == 0;
}

}  // namespace

TEST_CASE("a file that only root can change is trusted") {
  const Script script;
  CHECK(script.distrusted().empty());
  CHECK_FALSE(sys::find_untrusted_file(script.file.string()));
  CHECK_FALSE(sys::find_untrusted("/nonexistent/file"));
}

TEST_CASE("a file that group or others may write to is not trusted") {
  const Script script;
  for (const unsigned mode : {0775U, 0757U, 0777U}) {
    fs::permissions(script.file, fs::perms(mode));
    const auto why = sys::find_untrusted(script.file.string());
    REQUIRE(why);
    CHECK(why->reason() == fmt::format("'{}' can be changed by other users than root (mode {:04o})",
                                       script.file.string(), mode));
    CHECK(why->remedy() == "chmod go-w " + script.file.string());
    CHECK(sys::find_untrusted_file(script.file.string()));
  }
}

TEST_CASE("a file in a directory that others may write to is not trusted unless the directory is sticky") {
  const Script script;
  fs::permissions(script.directory, fs::perms(0777));
  CHECK(script.distrusted() == script.directory);
  CHECK_FALSE(sys::find_untrusted_file(script.file.string()));
  CHECK(sys::find_untrusted_directory(*sys::Dir::open(script.directory.string())));
  fs::permissions(script.directory, fs::perms(01777));
  CHECK(script.distrusted().empty());
  CHECK(sys::find_untrusted_directory(*sys::Dir::open(script.directory.string())));
  fs::permissions(script.directory, fs::perms(0755));
  CHECK_FALSE(sys::find_untrusted_directory(*sys::Dir::open(script.directory.string())));
}

TEST_CASE("the target of a link and the directories on the path to it are examined") {
  const Script script;
  const fs::path elsewhere = script.temp.path() / "elsewhere";
  test::write_text(elsewhere / "target", "#!/bin/sh\n");
  fs::permissions(elsewhere, fs::perms(0755));
  fs::permissions(elsewhere / "target", fs::perms(0755));
  fs::remove(script.file);
  fs::create_symlink("../scripts/.././elsewhere/target", script.file);
  CHECK(script.distrusted().empty());
  fs::permissions(elsewhere / "target", fs::perms(0766));
  CHECK(script.distrusted() == elsewhere / "target");
  fs::permissions(elsewhere / "target", fs::perms(0755));
  fs::permissions(elsewhere, fs::perms(0777));
  CHECK(script.distrusted() == elsewhere);
  fs::remove(script.file);
  fs::create_symlink(script.file, script.file);
  CHECK(script.distrusted().empty());
}

TEST_CASE("a file, a link or a directory of another user is not trusted") {
  if (!is_root()) {
    SUCCEED("only root can give files away");
    return;
  }
  const Script script;
  REQUIRE(::chown(script.file.c_str(), other_user, 0) == 0);
  const auto why = sys::find_untrusted(script.file.string());
  REQUIRE(why);
  CHECK(why->is_foreign);
  CHECK(why->reason().starts_with("'" + script.file.string() + "' is owned by user '"));
  CHECK(why->remedy() == "chown -h root " + script.file.string());
  REQUIRE(::chown(script.file.c_str(), 0, 0) == 0);
  REQUIRE(::chown(script.directory.c_str(), other_user, 0) == 0);
  CHECK(script.distrusted() == script.directory);
  REQUIRE(::chown(script.directory.c_str(), 0, 0) == 0);
  const fs::path link = script.directory / "link";
  fs::create_symlink("script", link);
  CHECK_FALSE(sys::find_untrusted(link.string()));
  REQUIRE(::lchown(link.c_str(), other_user, 0) == 0);
  CHECK(sys::find_untrusted(link.string())->path == link);
}
