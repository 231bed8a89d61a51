// Writes lines to a reader that may be slow, without waiting for it.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <mdevadm/sys/unique_fd.hpp>
#include <string>

namespace mdevadm::cli {

class EventWriter {
 public:
  explicit EventWriter(int descriptor);

  void add(const std::string& lines) { waiting_ += lines; }
  // Writes as much as the reader takes. Returns false if there is no reader any more; throws Error if writing
  // fails otherwise.
  bool flush();
  // Waits at most `patience` until everything is written.
  bool finish(std::chrono::milliseconds patience);

  // Returns the number of bytes that wait for the reader.
  std::size_t waiting() const { return waiting_.size(); }
  pollfd interest() const;

 private:
  int descriptor_;
  sys::UniqueFd own_{};  // another open file, so that O_NONBLOCK does not affect other processes
  bool is_socket_ = false;
  bool is_gone_ = false;
  std::string waiting_{};
};

}  // namespace mdevadm::cli
