#include "messages.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <mdevadm/sys/result.hpp>

namespace mdevadm::compat {

namespace {

// MDEVCTL_LOG, "warn" unless it says something else: a level, or "mdevctl=LEVEL".
bool shows_warnings() {
  const char* given = std::getenv("MDEVCTL_LOG");
  std::string_view level = given != nullptr ? given : "warn";
  level.remove_prefix(level.rfind('=') == std::string_view::npos ? 0 : level.rfind('=') + 1);
  return level != "error" && level != "off" && level != "ERROR" && level != "OFF";
}

}  // namespace

std::string cause_of(int number) {
  return fmt::format("{} (os error {})", sys::errno_text(number), number);
}

Failure failure_of(const std::string& text, const Error& error) {
  return {text, {error.number() != 0 ? cause_of(error.number()) : error.what()}};
}

std::string shown(std::string_view path) {
  std::string result = "\"";
  for (const char c : path) {
    result += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  }
  return result + '"';
}

std::string format_failure(const Failure& failure) {
  std::string text = fmt::format("Error: {}\n", failure.text);
  const bool several = failure.causes.size() > 1;
  for (std::size_t i = 0; i < failure.causes.size(); ++i) {
    text += i == 0 ? "\nCaused by:\n" : "";
    text += several ? fmt::format("    {}: {}\n", i, failure.causes[i])
                    : fmt::format("    {}\n", failure.causes[i]);
  }
  return text;
}

void warn(const std::string& where, const std::string& text) {
  if (shows_warnings()) {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    const std::string line =
        fmt::format("[{:%Y-%m-%dT%H:%M:%S}Z WARN  {}] {}\n", fmt::gmtime(now), where, text);
    std::ignore = ::write(STDERR_FILENO, line.data(), line.size());
  }
}

void write_out(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno != EINTR) {
      throw Failure{cause_of(errno)};
    }
    text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
}

}  // namespace mdevadm::compat
