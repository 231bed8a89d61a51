#include <mdevadm/sys/uevents.hpp>

#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <tuple>

namespace mdevadm::sys {

namespace {

constexpr const char* socket_name = "NETLINK_KOBJECT_UEVENT";
// Room for some 100,000 messages; the kernel counts more than their length.
constexpr int buffer_size = 64 << 20;
constexpr std::uint32_t group_of_kernel = 1;

bool take(std::string_view field, std::string_view key, std::string& value) {
  if (!field.starts_with(key)) {
    return false;
  }
  value = field.substr(key.size());
  return true;
}

}  // namespace

std::optional<Uevent> parse_uevent(std::string_view message) {
  const std::string_view header = message.substr(0, message.find('\0'));
  const std::size_t at = header.find('@');
  if (at == std::string_view::npos || header.size() == message.size()) {
    return std::nullopt;
  }
  Uevent event{std::string(header.substr(0, at)), std::string(header.substr(at + 1))};
  std::string unused;
  for (message.remove_prefix(header.size() + 1); !message.empty();) {
    const std::string_view field = message.substr(0, message.find('\0'));
    event.synthetic = event.synthetic || take(field, "SYNTH_UUID=", unused);
    std::ignore = take(field, "SUBSYSTEM=", event.subsystem) || take(field, "MDEV_STATE=", event.mdev_state);
    message.remove_prefix(std::min(field.size() + 1, message.size()));
  }
  return event;
}

Result<UeventMonitor> UeventMonitor::open() {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = group_of_kernel;
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return SysError{errno, socket_name};
  }
  // Beyond the limit of the system only with CAP_NET_ADMIN.
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_size, sizeof buffer_size) != 0) {
    std::ignore = ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof buffer_size);
  }
  return UeventMonitor(std::move(socket));
}

// After an overrun the kernel drops every message, without another error, until the queue is empty
// (netlink_overrun() and netlink_rcv_wake() in net/netlink/af_netlink.c).
void UeventMonitor::discard_waiting() const {
  char first = 0;
  while (::recv(socket_.get(), &first, sizeof first, 0) >= 0 || errno == EINTR || errno == ENOBUFS) {
  }
}

Result<std::optional<Uevent>> UeventMonitor::next() {
  std::array<char, 8192> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
  for (;;) {
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const ssize_t got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&sender), &length);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0 && errno == ENOBUFS) {
      discard_waiting();
      return SysError{ENOBUFS, socket_name};
    }
    if (got < 0) {
      return errno == EAGAIN ? Result<std::optional<Uevent>>(std::nullopt) : SysError{errno, socket_name};
    }
    // Only the kernel has the address 0.
    if (sender.nl_pid == 0) {
      if (auto event = parse_uevent({buffer.data(), static_cast<std::size_t>(got)})) {
        return event;
      }
    }
  }
}

}  // namespace mdevadm::sys
