// A connection to the Unix domain socket of another program that exchanges lines of text.
#pragma once

#include <chrono>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mdevadm::sys {

class UnixStream {
 public:
  // Connects to the socket. Errors: ENOENT, ENOTSOCK (the file is not a socket), ECONNREFUSED (no program
  // listens), ENAMETOOLONG (the path is longer than 107 bytes), EAGAIN (its queue of connections is full).
  static Result<UnixStream> connect(const std::string& path);

  // Sends the whole text. Errors: EPIPE if the other program has closed the connection, ETIMEDOUT if it does
  // not read until `deadline`.
  Result<Done> send(std::string_view text, std::chrono::steady_clock::time_point deadline);

  // Returns the next line without its end. Errors: EPIPE at the end of the connection, ETIMEDOUT if no whole
  // line has arrived at `deadline`, EMSGSIZE if a line has more than 16 MiB.
  Result<std::string> receive_line(std::chrono::steady_clock::time_point deadline);

 private:
  UnixStream(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<Done> wait_for(short events, std::chrono::steady_clock::time_point deadline) const;

  UniqueFd fd_;
  std::string path_;
  std::string received_;
};

}  // namespace mdevadm::sys
