// Runs the whole program.
#pragma once

#include <string>
#include <vector>

namespace mdevadm::test {

struct Ran {
  int code;
  std::string out;
  std::string err;
};

// Runs build/…/mdevadm with these arguments and this standard input. COLUMNS and NO_COLOR are not set.
Ran mdevadm(const std::vector<std::string>& words, const std::string& input = {});

// Runs it with a terminal of 80 columns as its standard output, without colours.
Ran mdevadm_on_terminal(const std::vector<std::string>& words);

// Compares `text` with tests/golden/NAME. With MDEVADM_TEST_ACCEPT=1 rewrites the file and returns false, so
// that an accept run cannot be mistaken for a successful one.
bool is_golden(const std::string& text, const std::string& name);

}  // namespace mdevadm::test
