// Sends uevents to the processes of the simulated host: the real kernel broadcasts in a network namespace
// what it receives from its owner (since Linux 4.18).
#pragma once

#include <mdevadm/sys/unique_fd.hpp>
#include <string>
#include <utility>

namespace mdevadm::sim {

class UeventSocket {
 public:
  // A socket that sends nothing.
  UeventSocket() = default;
  // Opens a socket in the network namespace of this process; it sends nothing if that fails.
  static UeventSocket open();

  // Sends a message without SEQNUM, which the kernel appends from its own counter. Ignores errors.
  void send(const std::string& message) const;

 private:
  explicit UeventSocket(sys::UniqueFd socket) : socket_(std::move(socket)) {}

  sys::UniqueFd socket_;
};

}  // namespace mdevadm::sim
