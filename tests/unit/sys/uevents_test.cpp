#include <mdevadm/sys/uevents.hpp>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/sys/file_watch.hpp>
#include <string>

#include "../../../src/sim/uevent_socket.hpp"
#include "catch.hpp"

using namespace mdevadm;
using namespace std::string_literals;

namespace {

constexpr int no_namespace = 77;

// Runs in a process of its own. Returns 0, or the number of the step that failed.
int lose_messages() {
  if (::unshare(::geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    return no_namespace;
  }
  auto monitor = sys::UeventMonitor::open();
  const sim::UeventSocket kernel = sim::UeventSocket::open();
  kernel.send("add@/first\0ACTION=add\0"s);
  auto event = monitor ? monitor->next() : monitor.error();
  if (!event || !*event) {
    return no_namespace;
  }
  const std::string long_message = "add@/old\0PADDING="s + std::string(1900, 'x') + '\0';
  for (int i = 0; i < 100'000; ++i) {
    kernel.send(long_message);
  }
  event = monitor->next();
  if (event || event.error().number != ENOBUFS) {
    return 1;
  }
  kernel.send("add@/new\0ACTION=add\0"s);
  event = monitor->next();
  if (!event || !*event || (*event)->path != "/new") {
    return 2;
  }
  event = monitor->next();
  return event && !*event ? 0 : 3;
}

}  // namespace

TEST_CASE("after a loss of messages none that is sent later is lost") {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(lose_messages());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == no_namespace) {
    WARN("skipped: no messages can be sent in a network namespace of its own");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a message of the kernel is parsed") {
  const auto event = sys::parse_uevent(
      "change@/devices/virtual/mtty/mtty\0ACTION=change\0DEVPATH=/devices/virtual/mtty/mtty\0SUBSYSTEM=mtty\0MDEV_STATE=registered\0SEQNUM=7\0"s);
  REQUIRE(event);
  CHECK(event->action == "change");
  CHECK(event->path == "/devices/virtual/mtty/mtty");
  CHECK(event->subsystem == "mtty");
  CHECK(event->mdev_state == "registered");
  CHECK_FALSE(event->synthetic);
  CHECK(sys::parse_uevent("add@/x\0SYNTH_UUID=0\0"s)->synthetic);
}

TEST_CASE("other messages are not taken for messages of the kernel") {
  CHECK_FALSE(sys::parse_uevent("libudev\0\xfe\xed\xca\xfe"s));
  CHECK_FALSE(sys::parse_uevent(""));
  CHECK_FALSE(sys::parse_uevent("add@/x"));
  CHECK(sys::parse_uevent("add@/x\0SUBSYSTEM"s));
}

TEST_CASE("changes of files are reported with the number of the watch") {
  const auto files = sys::FileWatch::open();
  REQUIRE(files);
  const auto watch = files->add("/dev/null", IN_OPEN);
  REQUIRE(watch);
  CHECK(files->read()->empty());
  CHECK(sys::read_stream("/dev/null"));
  const auto changes = files->read();
  REQUIRE(changes);
  REQUIRE_FALSE(changes->empty());
  CHECK(changes->front().watch == *watch);
  CHECK(files->add("/nonexistent", IN_OPEN).error().number == ENOENT);
}
