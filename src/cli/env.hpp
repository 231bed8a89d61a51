// What varies from one run of the program to another, apart from the machine itself.
#pragma once

#include <cstddef>
#include <string>

namespace mdevadm::cli {

struct Env {
  int out = 1;  // descriptor for results
  int err = 2;  // descriptor for messages
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::size_t width = 0;        // of the terminal that `out` is, 0 if it is none
  bool no_color = false;        // NO_COLOR is set
  bool err_is_journal = false;  // what is written to `err` goes to systemd's journal
};

// As the process finds it: terminals, COLUMNS, NO_COLOR.
Env real_env();

}  // namespace mdevadm::cli
