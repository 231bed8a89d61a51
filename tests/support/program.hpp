// The whole program as tests run it.
#pragma once

#include <string>
#include <vector>

namespace mdevadm::test {

struct Ran {
  int code;
  std::string out;
  std::string err;
};

// Runs build/…/mdevadm with these words and, if not empty, this standard input; COLUMNS and NO_COLOR are not
// set.
Ran mdevadm(const std::vector<std::string>& words, const std::string& input = {});

// Whether `text` is what tests/golden/NAME holds. With MDEVADM_TEST_ACCEPT=1 the file is rewritten, and the
// answer is no all the same: an accept run must not pass for a green one.
bool is_golden(const std::string& text, const std::string& name);

}  // namespace mdevadm::test
