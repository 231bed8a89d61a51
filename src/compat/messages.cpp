#include "messages.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <regex.h>
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

// Returns whether a log level includes warnings; nothing if the level is unknown.
std::optional<bool> lets_warnings_pass(std::string_view level) {
  const std::string word = to_lower(level);
  if (word == "error" || word == "off") {
    return false;
  }
  return word == "warn" || word == "info" || word == "debug" || word == "trace" ? std::optional(true)
                                                                                : std::nullopt;
}

struct LogRule {
  std::string_view place;  // a module of the program; empty: all of it
  bool passes;
};

// Parses LEVEL, MODULE or MODULE=LEVEL; without a level all messages are included.
std::optional<LogRule> parse_rule(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view place = trim(text.substr(0, equals));
  if (equals == std::string_view::npos) {
    const std::optional<bool> passes = lets_warnings_pass(place);
    return place.empty() ? std::nullopt : std::optional(passes ? LogRule{"", *passes} : LogRule{place, true});
  }
  const std::string_view level = trim(text.substr(equals + 1));
  const std::optional<bool> passes = level.empty() ? true : lets_warnings_pass(level);
  return passes ? std::optional(LogRule{place, *passes}) : std::nullopt;
}

bool matches(const std::string& text, const std::string& expression) {
  regex_t compiled;
  if (::regcomp(&compiled, expression.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    return true;  // an invalid expression filters nothing
  }
  const bool found = ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  ::regfree(&compiled);
  return found;
}

// Evaluates MDEVCTL_LOG: comma-separated rules, of which the one with the longest matching module applies,
// and after a slash a regular expression for the message. The default is "warn"; without a matching rule only
// errors are shown.
bool is_shown(std::string_view where, const std::string& text) {
  const char* given = std::getenv("MDEVCTL_LOG");
  const std::string_view rules = given != nullptr ? given : "warn";
  const std::size_t slash = rules.find('/');
  LogRule counts{"", false};
  for (const std::string_view part : split(rules.substr(0, slash), ',')) {
    const std::optional<LogRule> rule = parse_rule(part);
    if (rule && where.starts_with(rule->place) && rule->place.size() >= counts.place.size()) {
      counts = *rule;
    }
  }
  return counts.passes &&
         (slash == std::string_view::npos || matches(text, std::string(rules.substr(slash + 1))));
}

}  // namespace

std::string cause_of(int number, const std::string& path) {
  const bool is_denied = (number == EACCES || number == EROFS) && !path.empty();
  return fmt::format("{} (os error {}){}", sys::errno_text(number), number, is_denied ? ": " + path : "");
}

std::optional<Failure> denial_of(const Error& error) {
  if (error.number() != EACCES && error.number() != EROFS) {
    return std::nullopt;
  }
  return Failure{error.what(),
                 {"a security policy can be the reason; search its log: ausearch -m AVC -c mdevctl"}};
}

Failure failure_of(const std::string& text, const Error& error, const std::string& path) {
  return {text, {error.number() != 0 ? cause_of(error.number(), path) : error.what()}};
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
