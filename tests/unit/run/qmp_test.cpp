// QEMU's monitor, played by a thread that answers each command as a test says.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <map>
#include <mdevadm/run/machine.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Json = nlohmann::json;

namespace {

constexpr const char* greeting = R"({"QMP": {"version": {}, "capabilities": []}})";
constexpr const char* done = R"({"return": {}})";

// What QEMU does when it gets a command: returns the lines that it sends, with the ID of the command where
// they are no events; none: it closes the connection.
using Answers = std::function<std::vector<std::string>(const std::string& command, const Json& arguments)>;

sys::UniqueFd listen_at(const std::string& path, int queue = 1) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  sys::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), queue) == 0);
  return fd;
}

class Qemu {
 public:
  explicit Qemu(Answers answers, std::string first = greeting)
      : answers_(std::move(answers)),
        first_(std::move(first)),
        server_(listen_at(path())),
        thread_([this] { serve(); }) {}
  Qemu(const Qemu&) = delete;
  Qemu& operator=(const Qemu&) = delete;
  ~Qemu() { stop(); }

  std::string path() const { return temp_.str() + "/monitor"; }
  // Ends QEMU and returns the commands that it got, without their IDs. The client must have been destroyed.
  const std::vector<std::string>& commands() {
    stop();
    return commands_;
  }

 private:
  void stop() {
    ::shutdown(server_.get(), SHUT_RDWR);  // ends accept()
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  // A client may have closed the connection.
  static void send(const sys::UniqueFd& client, const std::string& line) {
    const std::string text = line + "\n";
    std::ignore = ::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }

  void serve() {
    for (;;) {
      const sys::UniqueFd client(::accept(server_.get(), nullptr, nullptr));
      if (!client) {
        return;
      }
      send(client, first_);
      std::string received;
      char buffer[4096];
      for (ssize_t size = 0; (size = ::read(client.get(), buffer, sizeof buffer)) > 0;) {
        received.append(buffer, static_cast<std::size_t>(size));
        if (received.back() == '\n' && !answer(client, Json::parse(std::exchange(received, {})))) {
          break;
        }
      }
    }
  }

  bool answer(const sys::UniqueFd& client, const Json& request) {
    const std::string command = request["execute"];
    commands_.push_back(command + (request["arguments"].empty() ? "" : " " + request["arguments"].dump()));
    std::vector<std::string> lines = command == "qmp_capabilities" ? std::vector<std::string>{done}
                                                                   : answers_(command, request["arguments"]);
    for (const std::string& line : lines) {
      Json message = Json::parse(line);
      if (!message.contains("event")) {
        message["id"] = request["id"];
      }
      send(client, message.dump());
    }
    return !lines.empty();
  }

  test::TempDir temp_;
  Answers answers_;
  std::string first_;
  std::vector<std::string> commands_;
  sys::UniqueFd server_;
  std::thread thread_;
};

std::string refused(const std::string& text, const char* kind = "GenericError") {
  return Json{{"error", {{"class", kind}, {"desc", text}}}}.dump();
}

// Answers of each command in order, the last one as often as it is asked.
Answers in_order(std::map<std::string, std::vector<std::vector<std::string>>> all) {
  return [all = std::move(all)](const std::string& command, const Json&) mutable {
    auto& left = all.at(command);
    const std::vector<std::string> now = left.front();
    if (left.size() > 1) {
      left.erase(left.begin());
    }
    return now;
  };
}

Attachment attachment() {
  return {
      .device = {.uuid = *Uuid::parse("00000000-0000-4000-8000-000000000001"),
                 .parent = *ParentName::parse("mtty")},
      .id = "seat",
      .properties = {{"driver", std::string("vfio-pci")}, {"id", std::string("seat")}, {"display", false}}};
}

struct Refused {
  ExitCode code = ExitCode::done;
  std::string text{};
  bool maybe = false;
};

template <typename Call>
Refused refusal(const Call& call) {
  try {
    call();
  } catch (const MaybeAttached& error) {
    return {error.code(), error.what(), true};
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

std::string event(const char* name, const char* device) {
  return Json{{"event", name}, {"data", {{"device", device}}}}.dump();
}

}  // namespace

TEST_CASE("each reason why QEMU cannot be connected to has its exit code and message") {
  const test::TempDir temp;
  const auto connect = [](const std::string& path) { return refusal([&] { connect_to_qemu(path, 100ms); }); };
  const Refused none = connect(temp.str() + "/none");
  CHECK(none.code == ExitCode::not_found);
  CHECK_THAT(none.text, ContainsSubstring("no such socket"));
  test::write_text(temp.path() / "file", "");
  CHECK(connect(temp.str() + "/file/below").code == ExitCode::not_found);
  const Refused file = connect(temp.str() + "/file");
  CHECK(file.code == ExitCode::failed);
  CHECK_THAT(file.text, ContainsSubstring("the file is not a socket"));
  const Refused far = connect("/" + std::string(150, 'x'));
  CHECK(far.code == ExitCode::failed);
  CHECK_THAT(far.text, ContainsSubstring("the path of a socket has at most 107 bytes"));
  listen_at(temp.str() + "/ended").reset();
  const Refused ended = connect(temp.str() + "/ended");
  CHECK(ended.code == ExitCode::failed);
  CHECK_THAT(ended.text, ContainsSubstring("no program listens at the socket"));
  // Nothing accepts: the first connection is in the queue and is not answered, the second does not fit.
  const sys::UniqueFd server = listen_at(temp.str() + "/full", 0);
  const Refused silent = connect(temp.str() + "/full");
  CHECK(silent.code == ExitCode::in_use);
  CHECK_THAT(silent.text, ContainsSubstring("does not answer"));
  const Refused full = connect(temp.str() + "/full");
  CHECK(full.code == ExitCode::in_use);
  CHECK_THAT(full.text, ContainsSubstring("the queue of the socket is full"));
}

TEST_CASE("what is not QEMU's greeting is reported") {
  const Qemu other({}, R"({"hello": 1})");
  const Refused refused = refusal([&] { connect_to_qemu(other.path(), 5s); });
  CHECK(refused.code == ExitCode::failed);
  CHECK_THAT(refused.text, ContainsSubstring("is not a QMP socket: unexpected greeting {\"hello\":1}"));
}

TEST_CASE("the devices of a virtual machine are those of VFIO, with and without ID") {
  const Qemu qemu([](const std::string& command, const Json& arguments) -> std::vector<std::string> {
    if (command == "qom-list") {
      return {arguments["path"] == "/machine/peripheral"
                  ? R"({"return": [{"name": "seat", "type": "child<vfio-pci>"},
                                   {"name": "net0", "type": "child<virtio-net-pci>"}]})"
                  : R"({"return": [{"name": "device[0]", "type": "child<vfio-ap>"}]})"};
    }
    return {arguments["path"] == "/machine/peripheral/seat"
                ? R"({"return": "/sys/bus/mdev/devices/00000000-0000-4000-8000-000000000001"})"
                : refused("Property not found")};
  });
  const std::vector<AttachedDevice> found = connect_to_qemu(qemu.path(), 5s)->devices();
  REQUIRE(found.size() == 2);
  CHECK(found[0].id == "seat");
  CHECK(found[0].kernel_name == "00000000-0000-4000-8000-000000000001");
  CHECK(found[1].id == "/machine/peripheral-anon/device[0]");
  CHECK(found[1].kernel_name.empty());
}

TEST_CASE("a device is attached with its properties to the first port that is free") {
  SECTION("where QEMU finds one") {
    Qemu qemu(in_order({{"device_add", {{done}}}}));
    connect_to_qemu(qemu.path(), 5s)->attach(attachment());
    CHECK(qemu.commands() ==
          std::vector<std::string>{"qmp_capabilities",
                                   R"(device_add {"display":false,"driver":"vfio-pci","id":"seat"})"});
  }
  SECTION("after others that are occupied") {
    std::vector<std::string> buses;
    const Qemu qemu([&](const std::string& command, const Json& arguments) -> std::vector<std::string> {
      if (command == "device_add") {
        buses.push_back(arguments.value("bus", ""));
        return {buses.back().empty()   ? refused("Bus 'pcie.0' does not support hotplugging")
                : buses.back() == "b2" ? refused("slot 0 is in use")
                                       : done};
      }
      const std::string path = arguments["path"];
      const std::string kind = path.ends_with("br") ? "PCI" : "PCIE";
      if (path == "/machine/peripheral") {
        return {R"({"return": [{"name": "type", "type": "string"}, {"name": "p1", "type": "child<port>"},
                               {"name": "br", "type": "child<bridge>"}, {"name": "p3", "type": "child<port>"},
                               {"name": "p4", "type": "child<port>"}]})"};
      }
      if (path.ends_with("/b1")) {
        return {R"({"return": [{"name": "child[0]", "type": "link<vfio-pci>"}]})"};
      }
      if (path.find("/b") != std::string::npos && !path.ends_with("/br")) {
        return {R"({"return": [{"name": "type", "type": "string"}]})"};
      }
      const std::string name = path.ends_with("br") ? "b2" : "b" + path.substr(path.size() - 1);
      return {R"({"return": [{"name": ")" + name + R"(", "type": "child<)" + kind + R"(>"}]})"};
    });
    connect_to_qemu(qemu.path(), 5s)->attach(attachment());
    CHECK(buses == std::vector<std::string>{"", "b2", "b3"});
  }
  SECTION("but only to the bus that the properties name") {
    const Qemu qemu(in_order({{"device_add", {{refused("Bus 'b' does not support hotplugging")}}}}));
    Attachment what = attachment();
    what.properties.emplace_back("bus", std::string("b"));
    const Refused why = refusal([&] { connect_to_qemu(qemu.path(), 5s)->attach(what); });
    CHECK(why.code == ExitCode::no_capacity);
    CHECK_FALSE(why.maybe);
  }
}

TEST_CASE("what QEMU answers to device_add has its exit code") {
  const auto attach = [](const std::string& answer) {
    const Qemu qemu(
        in_order({{"device_add", {{answer}}}, {"device_del", {{refused("", "DeviceNotFound")}}}}));
    return refusal([&] { connect_to_qemu(qemu.path(), 5s)->attach(attachment()); });
  };
  CHECK(attach(refused("vfio: failed to open /dev/vfio/7: Device or resource busy")).code ==
        ExitCode::in_use);
  CHECK(attach(refused("Duplicate device ID 'seat'")).code == ExitCode::failed);
  const Refused invalid = attach(R"({"return": 5})");
  CHECK(invalid.code == ExitCode::failed);
  CHECK_FALSE(invalid.maybe);
  CHECK_THAT(invalid.text, ContainsSubstring("invalid answer from QEMU"));
}

TEST_CASE("a device_add without an answer is taken back, or the device may be attached") {
  SECTION("QEMU does not know the device") {
    Qemu qemu(
        in_order({{"device_add", {{event("STOP", "")}}}, {"device_del", {{refused("", "DeviceNotFound")}}}}));
    const Refused why = refusal([&] { connect_to_qemu(qemu.path(), 300ms)->attach(attachment()); });
    CHECK_THAT(why.text, ContainsSubstring("has not answered device_add within 0.3 s"));
    CHECK_FALSE(why.maybe);
    CHECK(qemu.commands().back() == R"(device_del {"id":"seat"})");
  }
  SECTION("QEMU does not take it back") {
    const Qemu qemu(in_order({{"device_add", {{event("STOP", "")}}}, {"device_del", {{refused("no")}}}}));
    CHECK(refusal([&] { connect_to_qemu(qemu.path(), 300ms)->attach(attachment()); }).maybe);
  }
  SECTION("QEMU has closed the connection and runs") {
    const Qemu qemu(in_order({{"device_add", {{}}}}));
    const Refused why = refusal([&] { connect_to_qemu(qemu.path(), 5s)->attach(attachment()); });
    CHECK_THAT(why.text, ContainsSubstring("has closed the connection; it may have ended"));
    CHECK(why.maybe);
  }
}

TEST_CASE("a device is detached when QEMU has deleted it") {
  const auto detach = [](const std::vector<std::string>& answer, std::chrono::milliseconds patience = 5s) {
    const Qemu qemu(in_order({{"device_del", {answer}}}));
    return refusal([&] { connect_to_qemu(qemu.path(), 5s)->detach(attachment(), patience); });
  };
  const std::string other = event("DEVICE_DELETED", "other"), deleted = event("DEVICE_DELETED", "seat");
  CHECK(detach({done, other, deleted}).text.empty());
  CHECK(detach({deleted, done}).text.empty());
  CHECK(detach({refused("Device 'seat' not found", "DeviceNotFound")}).text.empty());
  CHECK(detach({refused("Device seat is already in the process of unplug"), deleted}).text.empty());
  CHECK(detach({refused("not now")}).code == ExitCode::failed);
  const Refused refuses = detach({done, event("DEVICE_UNPLUG_GUEST_ERROR", "seat")});
  CHECK(refuses.code == ExitCode::in_use);
  CHECK_THAT(refuses.text, ContainsSubstring("refuses to release the device"));
  for (const std::vector<std::string>& answer :
       {std::vector{std::string(done)}, std::vector<std::string>{done, other}, {other, done}}) {
    const Refused late = detach(answer, 50ms);
    CHECK(late.code == ExitCode::in_use);
    CHECK_THAT(late.text,
               ContainsSubstring("has not released the device within 0.05 s; it remains attached"));
  }
}

TEST_CASE("all events that arrived before the time limit count, even if it has passed") {
  const Qemu qemu(in_order({{"device_del",
                             {{event("DEVICE_DELETED", "a"), event("DEVICE_DELETED", "b"),
                               event("DEVICE_DELETED", "seat"), done}}}}));
  CHECK(refusal([&] { connect_to_qemu(qemu.path(), 5s)->detach(attachment(), 0ms); }).text.empty());
}

TEST_CASE("a QEMU that closes the connection has detached the device only if it has ended") {
  const Qemu qemu(in_order({{"device_del", {{}}}}));
  const Refused runs = refusal([&] { connect_to_qemu(qemu.path(), 5s)->detach(attachment(), 5s); });
  CHECK_THAT(runs.text, ContainsSubstring("but has not ended; the device may be attached"));
  std::unique_ptr<Machine> machine;
  std::string ended;
  {
    const Qemu ending([&](const std::string&, const Json&) -> std::vector<std::string> {
      std::filesystem::remove(ended);
      return {};
    });
    ended = ending.path();
    machine = connect_to_qemu(ended, 5s);
    CHECK(refusal([&] { machine->detach(attachment(), 5s); }).text.empty());
    machine.reset();
  }
}
