#include <mdevadm/sys/journal.hpp>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <mdevadm/sys/unique_fd.hpp>

namespace mdevadm::sys {

namespace {

constexpr const char* socket_path = "/run/systemd/journal/socket";

// Encodes the length that precedes a multi-line value: 64 bits, little-endian.
std::string length_of(const std::string& value) {
  std::string bytes;
  for (std::uint64_t left = value.size(), i = 0; i < 8; ++i, left >>= 8U) {
    bytes += static_cast<char>(left & 0xffU);
  }
  return bytes;
}

}  // namespace

bool leads_to_journal(int descriptor, const char* journal_stream) {
  struct stat status {};
  return journal_stream != nullptr && ::fstat(descriptor, &status) == 0 &&
         fmt::format("{}:{}", status.st_dev, status.st_ino) == journal_stream;
}

std::string journal_datagram(const JournalFields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    text += value.find('\n') == std::string::npos ? fmt::format("{}={}\n", name, value)
                                                  : fmt::format("{}\n{}{}\n", name, length_of(value), value);
  }
  return text;
}

Result<Done> send_to_journal(const JournalFields& fields) {
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
  const std::string text = journal_datagram(fields);
  const ssize_t sent = !socket ? -1
                               : ::sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL,
                                          reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (sent < 0) {
    return SysError{errno, socket_path};
  }
  return Done{};
}

}  // namespace mdevadm::sys
