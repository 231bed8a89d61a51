#include <mdevadm/sys/script.hpp>
#include <thread>

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <mdevadm/sys/dir.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using namespace std::chrono_literals;
using How = sys::ScriptEnd::How;

namespace {

struct Directory : test::TempDir {
  Directory() { std::signal(SIGPIPE, SIG_IGN); }

  std::string script(const std::string& body, const std::string& first = "#!/bin/sh\n") const {
    const std::filesystem::path file = path() / "script";
    test::write_text(file, first + body);
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    return file.string();
  }

  sys::Result<sys::ScriptEnd> run(const std::string& body, std::string_view input = {},
                                  std::chrono::milliseconds deadline = 20s) const {
    return sys::run_script({script(body), {"one", "two words"}, input, deadline});
  }
};

// Returns whether a process has ended, also if its parent process has not waited for it yet.
bool has_ended(int pid) {
  const auto process = sys::Dir::open("/proc/" + std::to_string(pid));
  const auto stat = process ? process->read_attribute("stat") : sys::Result<std::string>(process.error());
  return !stat || stat->find(") Z ") != std::string::npos;
}

// Waits until a process has ended; returns whether it has.
bool ends(int pid) {
  for (int i = 0; i < 6000 && !has_ended(pid); ++i) {
    std::this_thread::sleep_for(10ms);
  }
  return has_ended(pid);
}

}  // namespace

TEST_CASE("run_script passes arguments and input and returns exit code and output") {
  const Directory directory;
  const auto end = directory.run("echo \"$# $1,$2 $PPID\"; cat; printf no >&2; exit 7", "said");
  REQUIRE(end);
  CHECK(end->how == How::exited);
  CHECK(end->number == 7);
  CHECK(end->out == "2 one,two words " + std::to_string(::getpid()) + "\nsaid");
  CHECK(end->err == "no");
}

TEST_CASE("a script has the caller's environment, with plain messages another locale") {
  const Directory directory;
  ::setenv("LC_ALL", "de_DE.UTF-8", 1);
  ::setenv("MDEVADM_TEST", "same", 1);
  const std::string path = directory.script("echo $LC_ALL $MDEVADM_TEST; env | grep -c ^LC_ALL=");
  CHECK(sys::run_script({.path = path, .arguments = {}, .input = {}, .deadline = 20s})->out ==
        "de_DE.UTF-8 same\n1\n");
  CHECK(sys::run_script({.path = path, .arguments = {}, .input = {}, .deadline = 20s, .plain_messages = true})
            ->out == "C same\n1\n");
  ::unsetenv("LC_ALL");
  CHECK(sys::run_script({.path = path, .arguments = {}, .input = {}, .deadline = 20s, .plain_messages = true})
            ->out == "C same\n1\n");
  ::unsetenv("MDEVADM_TEST");
}

TEST_CASE("run_script reports the signal that killed a script") {
  const Directory directory;
  const auto end = directory.run("kill -TERM $$");
  REQUIRE(end);
  CHECK(end->how == How::killed);
  CHECK(end->number == SIGTERM);
}

TEST_CASE("run_script returns the errno if a script cannot be executed") {
  const Directory directory;
  const std::string path = directory.script("exit 0", "");
  CHECK(sys::run_script({path, {}, {}, 1s}).error().number == ENOEXEC);
  CHECK(sys::run_script({directory.script("", "#!/nonexistent\n"), {}, {}, 1s}).error().number == ENOENT);
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  CHECK(sys::run_script({path, {}, {}, 1s}).error().number == EACCES);
  CHECK(sys::run_script({directory.str(), {}, {}, 1s}).error().number == EACCES);
  CHECK(sys::run_script({directory.str() + "/none", {}, {}, 1s}).error().number == ENOENT);
}

TEST_CASE("run_script reads and writes large amounts of data in parallel") {
  const Directory directory;
  const std::string much(1'000'000, 'x');
  const auto end = directory.run("tee /dev/stderr", much);
  REQUIRE(end);
  CHECK((end->out == much));  // extra parentheses: do not print the output on failure
  CHECK((end->err == much));
}

TEST_CASE("run_script returns the first MiB of the output and discards the rest") {
  const Directory directory;
  const std::string much(3'000'000, 'x');
  const auto end = directory.run("tee /dev/stderr", much);
  REQUIRE(end);
  CHECK(end->how == How::exited);
  CHECK((end->out == much.substr(0, 1 << 20)));
  CHECK((end->err == end->out));
  const auto endless = directory.run("exec cat /dev/zero", {}, 300ms);
  REQUIRE(endless);
  CHECK(endless->how == How::timed_out);
  CHECK(endless->out.size() == 1 << 20);
}

TEST_CASE("run_script returns all output written before the script exited") {
  const Directory directory;
  const auto end = directory.run("head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2; sleep 1 & exit 0");
  REQUIRE(end);
  CHECK(end->out.size() == 60000);
  CHECK(end->err.size() == 60000);
}

TEST_CASE("run_script rejects a path or argument with a NUL with EINVAL") {
  const Directory directory;
  using namespace std::string_literals;
  const std::string path = directory.script("exit 0");
  CHECK(sys::run_script({path, {"-t", "good\0bad"s}, {}, 1s}).error().number == EINVAL);
  CHECK(sys::run_script({path + "\0x"s, {}, {}, 1s}).error().number == EINVAL);
}

TEST_CASE("run_script ignores that a script does not read its input") {
  const Directory directory;
  const std::string much(3'000'000, 'x');
  for (const char* body : {"exit 3", "exec 0<&-; sleep 0.1; exit 3", "head -c 70000 >/dev/null; exit 3"}) {
    const auto end = directory.run(body, much);
    REQUIRE(end);
    CHECK(end->number == 3);
  }
}

TEST_CASE("run_script restores SIGPIPE in the script and passes no other descriptors to it") {
  const Directory directory;
  std::filesystem::create_directory(directory.path() / "held");
  const auto held = sys::Dir::open(directory.str() + "/held");
  const auto end = directory.run("grep SigIgn /proc/self/status; ls -l /proc/$$/fd");
  REQUIRE(end);
  const auto ignored = std::stoul(end->out.substr(end->out.find('\t') + 1), nullptr, 16);
  CHECK((ignored & (1UL << (SIGPIPE - 1))) == 0);
  CHECK(end->out.find("0 -> pipe:") != std::string::npos);
  CHECK(end->out.find("held") == std::string::npos);
}

TEST_CASE("run_script kills a script after the deadline and returns its output so far") {
  const Directory directory;
  const auto end = directory.run("echo $$; exec sleep 600", {}, 200ms);
  REQUIRE(end);
  CHECK(end->how == How::timed_out);
  CHECK(has_ended(std::stoi(end->out)));
  // A script that has closed all of its pipes is killed after the deadline, too.
  const auto silent = directory.run("exec >&- 2>&- <&-; exec sleep 50", {}, 200ms);
  REQUIRE(silent);
  CHECK(silent->how == How::timed_out);
}

TEST_CASE("run_script does not wait for a background process that holds the pipes open") {
  const Directory directory;
  const auto end = directory.run("sleep 600 & echo $!; exit 4", {}, 300s);
  REQUIRE(end);
  CHECK(end->how == How::exited);
  CHECK(end->number == 4);
  const int background = std::stoi(end->out);
  CHECK_FALSE(has_ended(background));
  ::kill(background, SIGKILL);
}

TEST_CASE("run_script does not wait for a background process that keeps writing to the pipes") {
  const Directory directory;
  const auto end = directory.run(
      "(trap '' PIPE; while :; do sleep 0.05; echo noise; done 2>/dev/null) & echo $! >$0.pid; exit 4", {},
      300s);
  REQUIRE(end);
  CHECK(end->how == How::exited);
  CHECK(end->number == 4);
  const int background = std::stoi(test::read_text(directory.path() / "script.pid"));
  CHECK_FALSE(has_ended(background));
  ::kill(background, SIGKILL);
}

TEST_CASE("run_script waits for a script that has closed its pipes") {
  const Directory directory;
  const auto end = directory.run("exec >&- 2>&- <&-; sleep 0.3; exit 5");
  REQUIRE(end);
  CHECK(end->how == How::exited);
  CHECK(end->number == 5);
}

TEST_CASE("run_script passes the whole input to a script that has closed its output streams") {
  const Directory directory;
  const std::string much(3'000'000, 'x');
  const auto end = directory.run("exec >&- 2>&-; sleep 0.2; [ $(wc -c) = 3000000 ]", much);
  REQUIRE(end);
  CHECK(end->how == How::exited);
  CHECK(end->number == 0);
}

TEST_CASE(
    "run_script kills the process group of a script that has one of its own, and keeps the end of its "
    "output") {
  const Directory directory;
  const std::string path = directory.script("sleep 600 & echo $! >" + directory.str() + "/pid; yes line");
  const auto hung = sys::run_script(
      {.path = path, .arguments = {}, .input = {}, .deadline = 300ms, .own_group = true, .keep_end = true});
  REQUIRE(hung);
  CHECK(hung->how == How::timed_out);
  CHECK(hung->out.size() == 1 << 16);
  CHECK(ends(std::stoi(test::read_text(directory.path() / "pid"))));
  const std::string much = directory.script("yes | head -c 3000000; echo last");
  const auto end =
      sys::run_script({.path = much, .arguments = {}, .input = {}, .deadline = 20s, .keep_end = true});
  REQUIRE(end);
  CHECK(end->out.size() == 1 << 16);
  CHECK(end->out.ends_with("last\n"));
}

TEST_CASE("run_script kills a script that is cancelled") {
  const Directory directory;
  const auto end = sys::run_script({.path = directory.script("sleep 20"),
                                    .arguments = {},
                                    .input = {},
                                    .deadline = 20s,
                                    .own_group = true,
                                    .cancelled = [] { return true; }});
  REQUIRE(end);
  CHECK(end->how == How::timed_out);
}
