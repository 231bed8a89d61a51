#include "uevent_socket.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <tuple>

namespace mdevadm::sim {

UeventSocket UeventSocket::open() {
  return UeventSocket(sys::UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT)));
}

void UeventSocket::send(const std::string& message) const {
  constexpr std::size_t longest = 2048;  // UEVENT_BUFFER_SIZE of the kernel
  if (!socket_ || message.size() > longest) {
    return;
  }
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(message.size()));
  header.nlmsg_type = NLMSG_MIN_TYPE;
  header.nlmsg_flags = NLM_F_REQUEST;
  std::array<char, NLMSG_SPACE(longest)> buffer{};
  std::memcpy(buffer.data(), &header, sizeof header);
  std::memcpy(buffer.data() + NLMSG_HDRLEN, message.data(), message.size());
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  std::ignore = ::sendto(socket_.get(), buffer.data(), header.nlmsg_len, 0,
                         reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
}

}  // namespace mdevadm::sim
