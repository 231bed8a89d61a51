#include <mdevadm/sys/unix_stream.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace mdevadm::sys {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t longest_line = std::size_t{16} << 20U;

}  // namespace

Result<UnixStream> UnixStream::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return SysError{ENAMETOOLONG, path};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    return SysError{errno, path};
  }
  if (!S_ISSOCK(found.st_mode)) {
    return SysError{ENOTSOCK, path};
  }
  // Non-blocking, so that a full queue of connections is an error and not a wait without a limit.
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return SysError{errno, path};
  }
  return UnixStream(std::move(fd), path);
}

Result<Done> UnixStream::wait_for(short events, Clock::time_point deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd state{.fd = fd_.get(), .events = events, .revents = 0};
    const int ready = ::poll(&state, 1, static_cast<int>(std::max<long long>(left.count(), 0)));
    if (ready > 0) {
      return Done{};
    }
    if (ready == 0) {
      return SysError{ETIMEDOUT, path_};
    }
    if (errno != EINTR) {
      return SysError{errno, path_};
    }
  }
}

Result<Done> UnixStream::send(std::string_view text, Clock::time_point deadline) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (Result<Done> ready = wait_for(POLLOUT, deadline); !ready) {
        return ready;
      }
    } else if (errno != EINTR) {
      return SysError{errno, path_};
    }
  }
  return Done{};
}

Result<std::string> UnixStream::receive_line(Clock::time_point deadline) {
  std::array<char, 4096> part;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
  std::size_t searched = 0;
  for (;;) {
    const std::size_t end = received_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    searched = received_.size();
    if (received_.size() > longest_line) {
      return SysError{EMSGSIZE, path_};
    }
    const ssize_t length = ::recv(fd_.get(), part.data(), part.size(), 0);
    if (length > 0) {
      received_.append(part.data(), static_cast<std::size_t>(length));
    } else if (length == 0 || errno == ECONNRESET) {
      return SysError{EPIPE, path_};
    } else if (errno == EAGAIN) {
      if (Result<Done> ready = wait_for(POLLIN, deadline); !ready) {
        return ready.error();
      }
    } else if (errno != EINTR) {
      return SysError{errno, path_};
    }
  }
}

}  // namespace mdevadm::sys
