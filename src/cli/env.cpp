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

// Returns whether the locale for characters is one of UTF-8. Its name says that; to ask the C library, the
// locale would have to be loaded, and it may not be installed.
bool has_utf8_locale() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') {
      const std::string name = to_lower(value);
      return name.find("utf-8") != std::string::npos || name.find("utf8") != std::string::npos;
    }
  }
  return false;
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
  env.ascii = !has_utf8_locale();
  env.err_is_journal = sys::leads_to_journal(STDERR_FILENO, std::getenv("JOURNAL_STREAM"));
  return env;
}

}  // namespace mdevadm::cli
