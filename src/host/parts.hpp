// Parts of an observation that can fail alone. Internal header.
#pragma once

#include <algorithm>
#include <mdevadm/util/error.hpp>
#include <mutex>
#include <string>
#include <vector>

namespace mdevadm {

// Reads parts of the host, also in several threads. The failure of a part is noted, and the others are read;
// without a list for the notes it is thrown.
class Parts {
 public:
  // `unread` must outlive this object; nullptr: failures are thrown.
  explicit Parts(std::vector<std::string>* unread) : unread_(unread) {}

  template <typename Read>
  void read(const Read& read) const {
    if (unread_ == nullptr) {
      read();
      return;
    }
    try {
      read();
    } catch (const Error& error) {
      const std::lock_guard lock(mutex_);
      if (std::find(unread_->begin(), unread_->end(), error.what()) == unread_->end()) {
        unread_->emplace_back(error.what());
      }
    }
  }

 private:
  std::vector<std::string>* unread_;
  mutable std::mutex mutex_{};
};

}  // namespace mdevadm
