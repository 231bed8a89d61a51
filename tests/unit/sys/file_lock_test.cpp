#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <mdevadm/sys/file_lock.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using sys::Dir;
using sys::FileLock;

TEST_CASE("a directory can be locked without creating a file in it") {
  const test::TempDir temp;
  const Dir dir = *Dir::open(temp.str());
  {
    const auto first = FileLock::acquire(dir, std::chrono::milliseconds(0));
    REQUIRE(first);
    CHECK_FALSE(FileLock::acquire(dir, std::chrono::milliseconds(20)));
  }
  CHECK(FileLock::acquire(dir, std::chrono::milliseconds(0)));
  CHECK(std::filesystem::is_empty(temp.path()));
}

TEST_CASE("a link, a FIFO or a device in the place of a lock file is refused at once") {
  const test::TempDir temp;
  const Dir dir = *Dir::open(temp.str());
  std::filesystem::create_symlink(temp.path() / "elsewhere", temp.path() / "link");
  std::filesystem::create_symlink("/dev/null", temp.path() / "device");
  std::filesystem::create_directory(temp.path() / "directory");
  REQUIRE(::mkfifo((temp.path() / "fifo").c_str(), 0600) == 0);
  for (const char* name : {"link", "device", "directory", "fifo"}) {
    const auto lock = FileLock::acquire(dir, name, std::chrono::milliseconds(20));
    REQUIRE_FALSE(lock);
    CHECK(lock.error().number == sys::not_a_file);
  }
  CHECK_FALSE(std::filesystem::exists(temp.path() / "elsewhere"));
}

TEST_CASE("the holder of a lock is found among more locks than the kernel reports in one read") {
  const test::TempDir temp;
  const Dir dir = *Dir::open(temp.str());
  constexpr int number = 300;
  std::vector<FileLock> locks;
  for (int i = 0; i < number; ++i) {
    auto lock = FileLock::acquire(dir, "lock" + std::to_string(i), std::chrono::milliseconds(0));
    REQUIRE(lock);
    locks.push_back(*std::move(lock));
  }
  int found = 0;
  for (int i = 0; i < number; i += 10) {
    found += FileLock::holder(dir, "lock" + std::to_string(i)).pid == ::getpid() ? 10 : 0;
  }
  CHECK(found == number);
}

TEST_CASE("a second acquire of a lock times out and reports the holder until it is released") {
  const test::TempDir temp;
  const Dir dir = *Dir::open(temp.str());
  {
    const auto first = FileLock::acquire(dir, "lock", std::chrono::milliseconds(0));
    REQUIRE(first);
    const auto second = FileLock::acquire(dir, "lock", std::chrono::milliseconds(20));
    REQUIRE_FALSE(second);
    CHECK(second.error().number == EWOULDBLOCK);
    const sys::LockHolder holder = FileLock::holder(dir, "lock");
    CHECK(holder.pid == ::getpid());
    CHECK_FALSE(holder.command.empty());
  }
  CHECK(FileLock::holder(dir, "lock").pid == 0);
  CHECK(FileLock::acquire(dir, "lock", std::chrono::milliseconds(0)));
}

namespace {

// Returns the order in which threads got a lock that they had asked for in the order of their numbers.
std::vector<int> order_of_waiting(const Dir& dir) {
  constexpr int number = 6;
  std::vector<int> order;
  std::vector<std::thread> threads;
  {
    const auto held = FileLock::acquire(dir, "lock", std::chrono::milliseconds(0));
    REQUIRE(held);
    for (int i = 0; i < number; ++i) {
      threads.emplace_back([&, i] {
        const auto lock = FileLock::acquire(dir, "lock", std::chrono::seconds(60));
        if (lock) {
          order.push_back(i);  // protected by the lock
          std::this_thread::sleep_for(std::chrono::milliseconds(7));
        }
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(7));
    }
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return order;
}

}  // namespace

TEST_CASE("those that wait for a lock get it in their order") {
  const test::TempDir temp;
  const Dir dir = *Dir::open(temp.str());
  // On a busy machine, threads can begin to wait in another order.
  const std::vector<int> wanted{0, 1, 2, 3, 4, 5};
  std::vector<int> got;
  for (int i = 0; i < 5 && got != wanted; ++i) {
    got = order_of_waiting(dir);
  }
  CHECK(got == wanted);
}

TEST_CASE("a signal ends the wait for a lock, also if another thread has received it") {
  const test::TempDir temp;
  const Dir dir = *Dir::open(temp.str());
  const pid_t child = ::fork();
  if (child == 0) {
    sys::catch_signals();
    const auto held = FileLock::acquire(dir, "lock", std::chrono::milliseconds(0));
    std::thread waiting([&] {
      sigset_t all;
      ::sigfillset(&all);  // also the signal that ends a wait, as a caller may have blocked it
      ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
      const auto lock = FileLock::acquire(dir, "lock", std::chrono::seconds(60));
      ::_exit(!lock && lock.error().number == EINTR ? 0 : 1);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ::kill(::getpid(), SIGTERM);
    waiting.join();
    ::_exit(2);
  }
  const auto begun = std::chrono::steady_clock::now();
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(30));
}
