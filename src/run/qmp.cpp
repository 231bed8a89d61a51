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
constexpr std::string_view mdev_directory = "/sys/bus/mdev/devices/";
constexpr std::string_view pci_directory = "/sys/bus/pci/devices/";

// QEMU has closed the connection.
class ConnectionClosed final : public Error {
 public:
  explicit ConnectionClosed(const std::string& name)
      : Error(ExitCode::failed, name + " has closed the connection; it may have ended") {}
};

// The answer {"error": {"class": …, "desc": …}} to a command.
struct QmpError {
  std::string kind;
  std::string text;
};

std::string text_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const Json& value_at(const Json& object, const char* key) {
  static const Json none;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : none;
}

class QmpMachine final : public Machine {
 public:
  QmpMachine(const std::string& path, milliseconds patience) : path_(path), patience_(patience) {
    sys::Result<sys::UnixStream> stream = sys::UnixStream::connect(path);
    if (!stream) {
      throw connection_error(stream.error().number);
    }
    stream_.emplace(*std::move(stream));
    greet();
  }

  std::vector<AttachedDevice> devices() override {
    std::vector<AttachedDevice> found;
    for (const char* directory : {peripherals, nameless_peripherals}) {
      for (const Json& child : list(directory)) {
        const std::string type = text_at(child, "type");
        if (type.starts_with("child<vfio-")) {
          const std::string name = text_at(child, "name");
          found.push_back(device_at(fmt::format("{}/{}", directory, name),
                                    directory == peripherals ? name : std::string{}));
        }
      }
    }
    return found;
  }

  void attach(const Attachment& what, milliseconds patience) override {
    Json properties = Json::object();
    for (const auto& [key, value] : what.properties) {
      std::visit([&, name = key](const auto& content) { properties[name] = content; }, value);
    }
    std::optional<QmpError> refusal = add(properties, what.id, patience);
    if (refusal && is_unpluggable_bus(*refusal) && !properties.contains("bus")) {
      for (const std::string& bus : free_buses()) {
        properties["bus"] = bus;
        refusal = add(properties, what.id, patience);
        if (!refusal || !is_occupied(*refusal)) {
          break;
        }
      }
    }
    if (refusal) {
      throw attach_error(*refusal);
    }
  }

  void detach(const Attachment& what, milliseconds patience) override { detach(what.id, patience); }

 private:
  struct Answer {
    Json value{};
    std::optional<QmpError> refusal{};
  };

  void detach(const std::string& id, milliseconds patience) {
    const auto deadline = steady_clock::now() + patience;
    events_.clear();
    try {
      const Answer answer = ask("device_del", {{"id", id}}, patience);
      if (answer.refusal && answer.refusal->kind == "DeviceNotFound") {
        return;
      }
      // An earlier request that the guest has not answered yet is the same request.
      if (answer.refusal && answer.refusal->text.find("in the process of unplug") == std::string::npos) {
        throw Error(ExitCode::failed, "QEMU refused: " + printable(answer.refusal->text));
      }
      wait_until_deleted(id, deadline);
    } catch (const ConnectionClosed&) {
      if (!has_ended()) {
        throw Error(ExitCode::failed,
                    fmt::format("{} has closed the connection, but has not ended; the device may be attached",
                                name()));
      }
    }
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
        return Error(ExitCode::failed, doing + ": no program listens at the socket; QEMU may have ended",
                     advice)
            .caused_by(number);
      case ENAMETOOLONG: return {ExitCode::failed, doing + ": the path of a socket has at most 107 bytes"};
      case EAGAIN:
        return {ExitCode::in_use, doing + ": other clients are connected, and more wait",
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
    if (!greeting.contains("QMP")) {
      throw Error(ExitCode::failed, fmt::format("'{}' is not a QMP socket: unexpected greeting {}",
                                                printable(path_), shortened(printable(greeting.dump()), 80)));
    }
    require(ask("qmp_capabilities", Json::object(), patience_), "negotiate capabilities");
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
        Json message = Json::parse(*line, nullptr, false);
        if (!message.is_object()) {
          throw Error(ExitCode::failed, fmt::format("invalid line from {}: '{}' (expected a JSON object)",
                                                    name(), shortened(printable(*line), 80)));
        }
        return message;
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
  Answer ask(const char* command, const Json& arguments, milliseconds patience) {
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
    for (;;) {
      Json message = receive(deadline, [&] {
        return Error(ExitCode::failed, fmt::format("{} has not answered {} within {:g} s", name(), command,
                                                   std::chrono::duration<double>(patience).count()));
      });
      if (message.contains("event")) {
        events_.push_back(std::move(message));
      } else if (value_at(message, "id") == id) {
        const Json& refusal = value_at(message, "error");
        return refusal.is_object() ? Answer{{}, QmpError{text_at(refusal, "class"), text_at(refusal, "desc")}}
                                   : Answer{value_at(message, "return"), {}};
      }
    }
  }

  // Returns the value of an answer. Throws Error if QEMU refused the command.
  Json require(const Answer& answer, const char* doing) const {
    if (answer.refusal) {
      throw Error(ExitCode::failed,
                  fmt::format("{} cannot {}: {}", name(), doing, printable(answer.refusal->text)));
    }
    return answer.value;
  }

  AttachedDevice device_at(const std::string& path, const std::string& name) {
    // device_del accepts a path where a device has no ID.
    AttachedDevice device{.id = name.empty() ? path : name};
    const Answer answer = ask("qom-get", {{"path", path}, {"property", "sysfsdev"}}, patience_);
    const std::string directory = answer.value.is_string() ? answer.value.get<std::string>() : "";
    const std::string last = directory.substr(directory.rfind('/') + 1);
    (directory.starts_with(pci_directory) ? device.vf : device.kernel_name) = last;
    if (directory.starts_with(mdev_directory) || directory.starts_with(pci_directory) || Uuid::parse(last)) {
      return device;
    }
    device.kernel_name.clear();
    return device;
  }

  // Returns why QEMU refused, if it did.
  std::optional<QmpError> add(const Json& properties, const std::string& id, milliseconds patience) {
    try {
      return ask("device_add", properties, patience).refusal;
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
      detach(id, cleanup_patience);
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
    const std::string text = fmt::format("{} refused: {}", name(), printable(refusal.text));
    if (is_unpluggable_bus(refusal)) {
      return {ExitCode::no_capacity, text,
              "start QEMU with free ports for hot-plug, one for each device: -device "
              "pcie-root-port,id=port1,chassis=1; or specify a bus with --bus"};
    }
    if (refusal.text.find("Device or resource busy") != std::string::npos) {
      return {ExitCode::in_use, text, "another process uses the device: mdevadm list -o +held_by"};
    }
    return {ExitCode::failed, text};
  }

  std::vector<Json> list(const std::string& path) {
    const Json children = require(ask("qom-list", {{"path", path}}, patience_), "list its devices");
    return {children.begin(), children.end()};
  }

  // Returns the buses of bridges and ports that may have a free slot. What the guest's firmware has set up
  // (query-pci) does not matter: QEMU plugs a second device behind a port of PCI Express, where no guest
  // finds it.
  std::vector<std::string> free_buses() {
    std::vector<std::string> buses;
    for (const Json& device : list(peripherals)) {
      const std::string path = fmt::format("{}/{}", peripherals, text_at(device, "name"));
      if (!text_at(device, "type").starts_with("child<")) {
        continue;
      }
      for (const Json& child : list(path)) {
        const std::string type = text_at(child, "type");
        const std::string bus = text_at(child, "name");
        if (type == "child<PCI>" ||
            (type == "child<PCIE>" && is_empty_bus(fmt::format("{}/{}", path, bus)))) {
          buses.push_back(bus);
        }
      }
    }
    return buses;
  }

  bool is_empty_bus(const std::string& path) {
    const std::vector<Json> children = list(path);
    return std::none_of(children.begin(), children.end(),
                        [](const Json& child) { return text_at(child, "name").starts_with("child["); });
  }

  void wait_until_deleted(const std::string& id, steady_clock::time_point deadline) {
    for (;;) {
      while (!events_.empty()) {
        const Json event = std::move(events_.front());
        events_.pop_front();
        const std::string kind = text_at(event, "event");
        const Json& data = value_at(event, "data");
        const bool concerns = text_at(data, "device") == id || text_at(data, "path") == id;
        if (concerns && kind == "DEVICE_DELETED") {
          return;
        }
        if (concerns && kind == "DEVICE_UNPLUG_GUEST_ERROR") {
          throw Error(ExitCode::in_use, "the guest refuses to release the device; it remains attached",
                      "see the kernel log of the guest");
        }
      }
      Json message = receive(deadline, [] { return NotReleased(); });
      if (message.contains("event")) {
        events_.push_back(std::move(message));
      } else if (steady_clock::now() >= deadline) {
        throw NotReleased();
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

std::unique_ptr<Machine> connect_to_qemu(const std::string& socket, milliseconds patience) {
  return std::make_unique<QmpMachine>(socket, patience);
}

}  // namespace mdevadm
