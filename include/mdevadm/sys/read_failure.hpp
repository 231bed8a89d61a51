// Failures to read that say nothing about the object.
#pragma once

#include <cerrno>

namespace mdevadm::sys {

// Returns whether the errno means that the system could not answer: the object can exist.
inline bool is_read_failure(int number) {
  return number == EIO || number == ENOTCONN || number == ECONNABORTED || number == ESTALE ||
         number == ETIMEDOUT;
}

}  // namespace mdevadm::sys
