#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/sys/process.hpp>

#include <algorithm>
#include <vector>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using namespace std::chrono_literals;

TEST_CASE("for_each_open_file reports an open character device by its device number") {
  const sys::UniqueFd full(::open("/dev/full", O_RDONLY | O_CLOEXEC));
  REQUIRE(full);
  bool found = false;
  sys::for_each_open_file([&](const sys::OpenFile& file) {
    found = found || (file.pid == ::getpid() && file.character_device == makedev(1, 7));
  });
  CHECK(found);
}

TEST_CASE("parent_of returns the parent process or 0 if there is none") {
  CHECK(sys::parent_of(::getpid()) == ::getppid());
  CHECK(sys::parent_of(1) == 0);
  CHECK(sys::parent_of(-1) == 0);
}

TEST_CASE("write_with_patience returns the result of a write that completes") {
  const test::TempDir temp;
  test::write_text(temp.path() / "file", "");
  const sys::UniqueFd good(::open((temp.path() / "file").c_str(), O_WRONLY | O_CLOEXEC));
  const auto written = sys::write_with_patience(good, "1\n", "file", 5s);
  REQUIRE(written);
  CHECK(*written);
  CHECK(test::read_text(temp.path() / "file") == "1\n");
  const sys::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const auto refused = sys::write_with_patience(full, "1", "full", 5s);
  REQUIRE(refused);
  REQUIRE_FALSE(*refused);
  CHECK(refused->error().number == ENOSPC);
}

TEST_CASE("write_with_patience returns after the deadline if the write blocks") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const sys::UniqueFd reader(ends[0]);
  const sys::UniqueFd writer(ends[1]);
  const std::string more_than_a_pipe_takes(1 << 20, 'x');
  const auto before = std::chrono::steady_clock::now();
  CHECK_FALSE(sys::write_with_patience(writer, more_than_a_pipe_takes, "pipe", 100ms));
  CHECK(std::chrono::steady_clock::now() - before < 5s);
}

TEST_CASE("or_throw combines the caller's message with the system error text") {
  const auto refused = sys::Dir::open("/nonexistent");
  try {
    sys::Result<sys::Dir> copy = sys::Dir::open("/nonexistent");
    std::ignore = std::move(copy).or_throw("cannot use '{}'", "it");
    FAIL("no Error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "cannot use 'it': No such file or directory");
    CHECK(error.code() == ExitCode::failed);
  }
  CHECK(sys::errno_text(99999) == "Unknown error 99999");
  CHECK_FALSE(sys::errno_hint(EROFS).empty());
}
