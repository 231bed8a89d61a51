// Messages of the kernel about devices (uevents), from its netlink socket: no udevd is needed.
#pragma once

#include <mdevadm/sys/result.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mdevadm::sys {

struct Uevent {
  std::string action;        // add, remove, change, bind, unbind, …
  std::string path;          // of the device's directory below /sys: "/devices/virtual/mtty/mtty"
  std::string subsystem{};   // mdev, pci, …
  std::string mdev_state{};  // of a parent: registered, unregistered
  bool synthetic = false;    // requested by a write to the file "uevent" of the device
};

// Returns the message in the kernel's format "ACTION@PATH", then "KEY=VALUE" each, ended by NUL bytes;
// nullopt for messages in another format, such as those of udevd.
std::optional<Uevent> parse_uevent(std::string_view message);

class UeventMonitor {
 public:
  // Subscribes to the messages in the network namespace of this process.
  static Result<UeventMonitor> open();

  // Becomes readable when there are messages.
  int descriptor() const { return socket_.get(); }

  // Returns the next message, or nullopt if there is none. ENOBUFS: messages were lost, because they were
  // not read in time; those that waited are discarded, and no later one is missing.
  Result<std::optional<Uevent>> next();

 private:
  explicit UeventMonitor(UniqueFd socket) : socket_(std::move(socket)) {}

  void discard_waiting() const;

  UniqueFd socket_;
};

}  // namespace mdevadm::sys
