#include "env.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <mdevadm/sys/journal.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

std::size_t terminal_width(int descriptor) {
  if (const char* columns = std::getenv("COLUMNS")) {
    if (const auto number = parse_decimal(columns); number && *number > 0) {
      return *number;
    }
  }
  winsize size{};
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Env real_env() {
  Env env;
  env.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  env.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  env.err_width = terminal_width(STDERR_FILENO);
  env.width = env.out_is_terminal ? terminal_width(STDOUT_FILENO) : 0;
  const char* no_color = std::getenv("NO_COLOR");
  env.no_color = no_color != nullptr && *no_color != '\0';
  env.err_is_journal = sys::leads_to_journal(STDERR_FILENO, std::getenv("JOURNAL_STREAM"));
  return env;
}

}  // namespace mdevadm::cli
