// Properties of the process that commands depend on.
#pragma once

#include <cstddef>
#include <string>

namespace mdevadm::cli {

struct Env {
  int out = 1;  // descriptor for results
  int err = 2;  // descriptor for messages
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::size_t err_width = 80;   // columns of the terminal at `err`
  std::size_t width = 0;        // columns of the terminal at `out`; 0 if it is not a terminal
  bool no_color = false;        // NO_COLOR is set
  bool ascii = false;           // the locale is not one of UTF-8
  bool err_is_journal = false;  // `err` is connected to the systemd journal
};

// Returns the environment of this process: terminals, COLUMNS, NO_COLOR, the locale.
Env real_env();

}  // namespace mdevadm::cli
