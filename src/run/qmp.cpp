// QEMU's monitor protocol: https://www.qemu.org/docs/master/interop/qmp-spec.html and qemu-qmp-ref.
// Debian has no library for it.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <mdevadm/run/machine.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/sys/unix_stream.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "qmp_messages.hpp"

namespace mdevadm {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// An interruption is noticed after this time.
constexpr milliseconds receive_slice{200};
// After a device_add that QEMU has not answered.
constexpr milliseconds cleanup_patience{5'000};
// A process that ends closes its connections and its socket one after the other.
constexpr milliseconds ending_patience{1'000};
constexpr milliseconds ending_poll{50};

constexpr const char* peripherals = "/machine/peripheral";
constexpr const char* nameless_peripherals = "/machine/peripheral-anon";

// QEMU has closed the connection.
class ConnectionClosed final : public Error {
 public:
  explicit ConnectionClosed(const std::string& name)
      : Error(ExitCode::failed, name + " has closed the connection; it may have ended") {}
};

class QmpMachine final : public Machine {
 public:
  QmpMachine(const std::string& path, milliseconds patience) : path_(path), patience_(patience) {
    sys::Result<sys::UnixStream> stream = sys::UnixStream::connect(path);
    if (!stream) {
      const Error error = connection_error(stream.error().number);
      if (stream.error().number == ECONNREFUSED) {
        throw MachineEnded(error);
      }
      throw error;
    }
    stream_.emplace(*std::move(stream));
    while_it_runs([this] { greet(); });
  }

  std::vector<AttachedDevice> devices() override {
    std::vector<AttachedDevice> found;
    while_it_runs([&] {
      for (const char* directory : {peripherals, nameless_peripherals}) {
        for (const QomChild& child : list(directory)) {
          if (child.type.starts_with("child<vfio-")) {
            found.push_back(device_at(fmt::format("{}/{}", directory, child.name),
                                      directory == peripherals ? child.name : std::string{}));
          }
        }
      }
    });
    return found;
  }

  void attach(const Attachment& what) override {
    Json properties = Json::object();
    for (const auto& [key, value] : what.properties) {
      std::visit([&, name = key](const auto& content) { properties[name] = content; }, value);
    }
    std::optional<QmpError> refusal = add(properties, what.id);
    if (refusal && is_unpluggable_bus(*refusal) && !properties.contains("bus")) {
      for (const std::string& bus : free_buses()) {
        properties["bus"] = bus;
        refusal = add(properties, what.id);
        if (!refusal || !is_occupied(*refusal)) {
          break;
        }
      }
    }
    if (refusal) {
      throw attach_error(*refusal);
    }
  }

  void detach(const Attachment& what, milliseconds patience) override {
    detach(what.id, patience_, patience);
  }

 private:
  // Throws MachineEnded if QEMU has ended.
  template <typename Function>
  void while_it_runs(const Function& function) const {
    try {
      function();
    } catch (const ConnectionClosed&) {
      if (has_ended()) {
        throw MachineEnded({ExitCode::failed, name() + " has ended"});
      }
      throw;
    }
  }

  // `for_guest`: from QEMU's answer on.
  void detach(const std::string& id, milliseconds for_answer, milliseconds for_guest) {
    events_.clear();
    try {
      const QmpAnswer answer = change("device_del", {{"id", id}}, for_answer);
      const auto deadline = steady_clock::now() + for_guest;
      if (answer.refusal && answer.refusal->kind == "DeviceNotFound") {
        return;
      }
      // An earlier request that the guest has not answered yet is the same request.
      if (answer.refusal && answer.refusal->text.find("in the process of unplug") == std::string::npos) {
        throw Error(ExitCode::failed, refusal_text(*answer.refusal));
      }
      wait_until_deleted(id, deadline, for_guest);
    } catch (const ConnectionClosed&) {
      if (!has_ended()) {
        throw Error(ExitCode::failed,
                    fmt::format("{} has closed the connection, but has not ended; the device may be attached",
                                name()));
      }
    }
  }

  std::string refusal_text(const QmpError& refusal) const {
    return fmt::format("{} refused: {}", name(), printable(refusal.text));
  }

  std::string name() const { return fmt::format("QEMU at '{}'", printable(path_)); }

  Error connection_error(int number) const {
    const std::string doing = fmt::format("cannot connect to QEMU at '{}'", printable(path_));
    const char* advice = "start QEMU with -qmp unix:PATH,server=on,wait=off, and specify this PATH";
    switch (number) {
      case ENOENT:
      case ENOTDIR: return {ExitCode::not_found, doing + ": no such socket", advice};
      case ENOTSOCK: return {ExitCode::failed, doing + ": the file is not a socket", advice};
      case ECONNREFUSED:
        return {ExitCode::failed, doing + ": no program listens at the socket; QEMU may have ended", advice};
      case ENAMETOOLONG: return {ExitCode::failed, doing + ": the path of a socket has at most 107 bytes"};
      case EAGAIN:
        return {ExitCode::in_use, doing + ": the queue of the socket is full, other clients are connected",
                "QEMU serves one client of a QMP socket at a time; add a second -qmp socket"};
      default: return {ExitCode::failed, fmt::format("{}: {}", doing, sys::errno_text(number))};
    }
  }

  void greet() {
    const Json greeting = receive(steady_clock::now() + patience_, [this] {
      return Error(ExitCode::in_use,
                   fmt::format("{} does not answer; another client may be connected", name()),
                   "QEMU serves one client of a QMP socket at a time; add a second -qmp socket");
    });
    if (!greeting.contains("QMP") || !greeting["QMP"].is_object()) {
      throw Error(ExitCode::failed, fmt::format("'{}' is not a QMP socket: unexpected greeting {}",
                                                printable(path_), shortened(printable(greeting.dump()), 80)));
    }
    require(change("qmp_capabilities", Json::object(), patience_), "negotiate capabilities");
  }

  // Returns the next message. `late` makes the error for a message that has not arrived in time. Throws Error
  // if it is not a JSON object or if the wait is interrupted, ConnectionClosed if QEMU has closed the
  // connection.
  template <typename Late>
  Json receive(steady_clock::time_point deadline, const Late& late) {
    for (;;) {
      const auto slice = std::min(deadline, steady_clock::now() + receive_slice);
      const sys::Result<std::string> line = stream_->receive_line(slice);
      if (line) {
        std::optional<Json> message = parse_qmp(*line);
        if (!message) {
          throw Error(ExitCode::failed, fmt::format("invalid line from {}: '{}' (expected a JSON object)",
                                                    name(), shortened(printable(*line), 80)));
        }
        return *std::move(message);
      }
      if (line.error().number == EPIPE) {
        throw ConnectionClosed(name());
      }
      if (line.error().number != ETIMEDOUT) {
        throw Error(ExitCode::failed,
                    fmt::format("cannot read from {}: {}", name(), sys::errno_text(line.error().number)));
      }
      if (sys::interrupted()) {
        throw Error(ExitCode::failed, "interrupted");
      }
      if (steady_clock::now() >= deadline) {
        throw late();
      }
    }
  }

  // Sends a command and returns its answer. Events that arrive before it are stored.
  QmpAnswer ask(const char* command, const Json& arguments, milliseconds patience) {
    const auto deadline = steady_clock::now() + patience;
    const std::uint64_t id = ++last_id_;
    const Json request{{"execute", command}, {"arguments", arguments}, {"id", id}};
    const sys::Result<sys::Done> sent =
        stream_->send(request.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", deadline);
    if (!sent) {
      if (sent.error().number == EPIPE) {
        throw ConnectionClosed(name());
      }
      throw Error(ExitCode::failed,
                  fmt::format("cannot write to {}: {}", name(), sys::errno_text(sent.error().number)));
    }
    const auto late = [&] {
      return Error(ExitCode::failed, fmt::format("{} has not answered {} within {:g} s", name(), command,
                                                 std::chrono::duration<double>(patience).count()));
    };
    for (;;) {
      Json message = receive(deadline, late);
      if (message.contains("event")) {
        events_.push_back(std::move(message));
      } else if (std::optional<QmpAnswer> answer = answer_in(message, id)) {
        return *std::move(answer);
      }
      // Other messages can arrive without end.
      if (steady_clock::now() >= deadline) {
        throw late();
      }
    }
  }

  // The same for a command that changes something, of which QEMU returns an empty object.
  QmpAnswer change(const char* command, const Json& arguments, milliseconds patience) {
    QmpAnswer answer = ask(command, arguments, patience);
    if (!answer.refusal && !answer.value.is_object()) {
      throw invalid_answer(command, answer.value, "an object");
    }
    return answer;
  }

  Error invalid_answer(const char* command, const Json& value, const char* expected) const {
    const std::string shown = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return {ExitCode::failed, fmt::format("invalid answer from {} to {}: {} (expected {})", name(), command,
                                          shortened(printable(shown), 80), expected)};
  }

  // Returns the value of an answer. Throws Error if QEMU refused the command.
  Json require(const QmpAnswer& answer, const char* doing) const {
    if (answer.refusal) {
      throw Error(ExitCode::failed,
                  fmt::format("{} cannot {}: {}", name(), doing, printable(answer.refusal->text)));
    }
    return answer.value;
  }

  AttachedDevice device_at(const std::string& path, const std::string& name) {
    const QmpAnswer answer = ask("qom-get", {{"path", path}, {"property", "sysfsdev"}}, patience_);
    if (!answer.refusal && !answer.value.is_string()) {
      throw invalid_answer("qom-get", answer.value, "a string");
    }
    // device_del accepts a path where a device has no ID.
    return attached_device(name.empty() ? path : name,
                           answer.refusal ? std::string() : answer.value.get<std::string>());
  }

  // Returns why QEMU refused, if it did.
  std::optional<QmpError> add(const Json& properties, const std::string& id) {
    try {
      return change("device_add", properties, patience_).refusal;
    } catch (const Error& error) {
      if (!takes_back(id)) {
        throw MaybeAttached(error);
      }
      throw;
    }
  }

  // After a device_add without an answer: detaches the device. QEMU executes commands in order, so afterwards
  // the device is certainly not attached. Returns false if that did not succeed.
  bool takes_back(const std::string& id) {
    try {
      detach(id, cleanup_patience, cleanup_patience);
      return true;
    } catch (const std::exception&) {  // the error of device_add is reported
      return false;
    }
  }

  // Returns whether QEMU has ended after it has closed the connection. One that runs listens at its socket.
  bool has_ended() const {
    const auto deadline = steady_clock::now() + ending_patience;
    for (;;) {
      const auto stream = sys::UnixStream::connect(path_);
      if (!stream && (stream.error().number == ECONNREFUSED || stream.error().number == ENOENT)) {
        return true;
      }
      if (steady_clock::now() >= deadline) {
        return false;
      }
      std::this_thread::sleep_for(ending_poll);
    }
  }

  static bool is_unpluggable_bus(const QmpError& refusal) {
    return refusal.text.find("does not support hotplug") != std::string::npos;
  }
  static bool is_occupied(const QmpError& refusal) {
    return refusal.text.find("in use") != std::string::npos ||
           refusal.text.find("not available") != std::string::npos || is_unpluggable_bus(refusal);
  }

  Error attach_error(const QmpError& refusal) const {
    const std::string text = refusal_text(refusal);
    if (is_unpluggable_bus(refusal)) {
      return {ExitCode::no_capacity, text,
              "start QEMU with free ports for hot-plug, one for each device: -device "
              "pcie-root-port,id=port1,chassis=1; or specify a bus with --bus"};
    }
    if (refusal.text.find("Device or resource busy") != std::string::npos) {
      return {ExitCode::in_use, text, "another process uses the device: mdevadm list -o +held_by"};
    }
    if (refusal.text.find("iommufd") != std::string::npos &&
        refusal.text.find("not found") != std::string::npos) {
      return {ExitCode::failed, text,
              "for --iommufd, start QEMU 9.0 or later with -object iommufd,id=iommufd0"};
    }
    return {ExitCode::failed, text};
  }

  std::vector<QomChild> list(const std::string& path) {
    const Json value = require(ask("qom-list", {{"path", path}}, patience_), "list its devices");
    std::optional<std::vector<QomChild>> children = children_in(value);
    if (!children) {
      throw invalid_answer("qom-list", value, "a list of objects with name and type");
    }
    return *std::move(children);
  }

  // Returns the buses of bridges and ports that may have a free slot. What the guest's firmware has set up
  // (query-pci) does not matter: QEMU plugs a second device behind a port of PCI Express, where no guest
  // finds it.
  std::vector<std::string> free_buses() {
    std::vector<std::string> buses;
    for (const QomChild& device : list(peripherals)) {
      const std::string path = fmt::format("{}/{}", peripherals, device.name);
      if (!device.type.starts_with("child<")) {
        continue;
      }
      for (const QomChild& child : list(path)) {
        if (child.type == "child<PCI>" ||
            (child.type == "child<PCIE>" && is_empty_bus(fmt::format("{}/{}", path, child.name)))) {
          buses.push_back(child.name);
        }
      }
    }
    return buses;
  }

  bool is_empty_bus(const std::string& path) {
    const std::vector<QomChild> children = list(path);
    return std::none_of(children.begin(), children.end(),
                        [](const QomChild& child) { return child.name.starts_with("child["); });
  }

  // `patience`: the whole time until the deadline.
  void wait_until_deleted(const std::string& id, steady_clock::time_point deadline, milliseconds patience) {
    for (;;) {
      if (events_.empty()) {
        events_.push_back(receive(deadline, [&] { return NotReleased(name(), patience); }));
      }
      const Unplugging unplugging = unplugging_in(events_.front(), id);
      events_.pop_front();
      if (unplugging == Unplugging::deleted) {
        return;
      }
      if (unplugging == Unplugging::refused) {
        throw Error(ExitCode::in_use,
                    fmt::format("the guest of {} refuses to release the device; it remains attached", name()),
                    "see the kernel log of the guest");
      }
      if (events_.empty() && steady_clock::now() >= deadline) {
        throw NotReleased(name(), patience);
      }
    }
  }

  std::string path_;
  milliseconds patience_;  // for each answer
  std::optional<sys::UnixStream> stream_{};
  std::deque<Json> events_{};
  std::uint64_t last_id_ = 0;
};

}  // namespace

NotReleased::NotReleased(const std::string& machine, milliseconds patience)
    : Error(ExitCode::in_use,
            fmt::format("the guest of {} has not released the device within {:g} s; it remains attached",
                        machine, std::chrono::duration<double>(patience).count()),
            "the guest needs a driver for hot-plug that is running; wait longer with --timeout SECONDS, or "
            "shut the guest down") {}

std::unique_ptr<Machine> connect_to_qemu(const std::string& socket, milliseconds patience) {
  return std::make_unique<QmpMachine>(socket, patience);
}

}  // namespace mdevadm
