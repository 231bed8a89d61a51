#include "messages.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/util/quote.hpp>
#include <mdevadm/util/text.hpp>
#include <optional>

namespace mdevadm::compat {

namespace {

// Whether a level lets warnings pass; nothing: it is no level.
std::optional<bool> lets_warnings_pass(std::string_view level) {
  const std::string word = to_lower(level);
  if (word == "error" || word == "off") {
    return false;
  }
  return word == "warn" || word == "info" || word == "debug" || word == "trace" ? std::optional(true)
                                                                                : std::nullopt;
}

// MDEVCTL_LOG is "warn" unless it says something else: LEVEL, or WHERE, or WHERE=LEVEL, several with commas
// between them, of which the one that names most of `where` counts. Behind a slash stands what a text must
// have to be shown at all. Without a word it shows errors only.
bool is_shown(std::string_view where, std::string_view text) {
  const char* given = std::getenv("MDEVCTL_LOG");
  std::string_view rules = given != nullptr ? given : "warn";
  if (const std::size_t slash = rules.find('/'); slash != std::string_view::npos) {
    if (text.find(rules.substr(slash + 1)) == std::string_view::npos) {
      return false;
    }
    rules = rules.substr(0, slash);
  }
  bool shown = false;
  std::size_t named = 0;
  for (const std::string_view rule : split(rules, ',')) {
    const std::size_t equals = rule.find('=');
    const std::string_view level = trim(rule.substr(equals == std::string_view::npos ? 0 : equals + 1));
    std::optional<bool> passes = lets_warnings_pass(level);
    std::string_view place = trim(rule.substr(0, equals));
    if (equals == std::string_view::npos) {
      place = passes ? "" : place;
      passes = passes.value_or(true);
    }
    if (!trim(rule).empty() && passes && where.starts_with(place) && place.size() >= named) {
      shown = *passes;
      named = place.size();
    }
  }
  return shown;
}

}  // namespace

std::string cause_of(int number) {
  return fmt::format("{} (os error {})", sys::errno_text(number), number);
}

Failure failure_of(const std::string& text, const Error& error) {
  return {text, {error.number() != 0 ? cause_of(error.number()) : error.what()}};
}

std::string shown(std::string_view path) {
  return quote_path(path);
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
  if (is_shown(where, text)) {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    const std::string line =
        fmt::format("[{:%Y-%m-%dT%H:%M:%S}Z WARN  {}] {}\n", fmt::gmtime(now), where, text);
    write_out(STDERR_FILENO, line);
  }
}

int write_out(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno != EINTR) {
      return errno;
    }
    text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace mdevadm::compat
