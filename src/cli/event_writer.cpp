#include "event_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/util/error.hpp>

namespace mdevadm::cli {

EventWriter::EventWriter(int descriptor) : descriptor_(descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) {
    return;
  }
  is_socket_ = S_ISSOCK(status.st_mode);
  if (S_ISFIFO(status.st_mode) || ::isatty(descriptor) == 1) {
    own_ = sys::UniqueFd(::open(fmt::format("/proc/self/fd/{}", descriptor).c_str(),
                                O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  }
}

bool EventWriter::flush() {
  // What a pipe takes without blocking once it is ready, for those that cannot be opened again.
  constexpr std::size_t part = 4096;
  std::size_t done = 0;
  while (done < waiting_.size() && !is_gone_) {
    const int target = own_ ? own_.get() : descriptor_;
    pollfd ready{.fd = target, .events = POLLOUT, .revents = 0};
    if (!own_ && !is_socket_ && (::poll(&ready, 1, 0) <= 0 || (ready.revents & POLLOUT) == 0)) {
      is_gone_ = (ready.revents & (POLLERR | POLLNVAL)) != 0;
      break;
    }
    const std::size_t length = std::min(waiting_.size() - done, part);
    const ssize_t written = is_socket_
                                ? ::send(target, waiting_.data() + done, length, MSG_DONTWAIT | MSG_NOSIGNAL)
                                : ::write(target, waiting_.data() + done, length);
    if (written >= 0) {
      done += static_cast<std::size_t>(written);
    } else if (errno == EPIPE || errno == ECONNRESET) {
      is_gone_ = true;
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      throw Error(ExitCode::failed, fmt::format("cannot write the output: {}", sys::errno_text(errno)));
    }
  }
  waiting_.erase(0, done);
  return !is_gone_;
}

bool EventWriter::finish(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (flush() && !waiting_.empty() && !sys::interrupted()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return false;
    }
    pollfd ready = interest();
    ::poll(&ready, 1, static_cast<int>(left.count()));
  }
  return waiting_.empty();
}

pollfd EventWriter::interest() const {
  return {.fd = own_ ? own_.get() : descriptor_,
          .events = static_cast<short>(waiting_.empty() ? 0 : POLLOUT),
          .revents = 0};
}

}  // namespace mdevadm::cli
