#include <mdevadm/run/script_check.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <mdevadm/run/hooks.hpp>
#include <mdevadm/sys/trust.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

// Returns why the kernel cannot execute the file, and what helps; nullopt: it can, or the file cannot be
// read.
std::optional<std::pair<std::string, std::string>> why_not_executed(const sys::Dir& root,
                                                                    const sys::Dir& directory,
                                                                    const std::string& name) {
  constexpr std::string_view program =
      "\x7f"
      "ELF";
  const sys::Result<std::string> text = directory.read_file(name);
  if (!text || text->starts_with(program)) {
    return std::nullopt;
  }
  const std::string_view line = std::string_view(*text).substr(0, text->find('\n'));
  const std::size_t begin =
      line.starts_with("#!") ? line.find_first_not_of(" \t", 2) : std::string_view::npos;
  if (begin == std::string_view::npos) {
    return std::pair{"neither a program nor a script with '#!' and its interpreter in the first line",
                     "begin the script with a line such as #!/bin/sh"};
  }
  const std::string interpreter(line.substr(begin, line.find_first_of(" \t", begin) - begin));
  const std::string shown = printable(interpreter);
  const char* remedy = "correct the first line of the script, or install the interpreter";
  if (!interpreter.starts_with('/')) {
    return std::pair{fmt::format("its interpreter '{}' is not an absolute path", shown), remedy};
  }
  const sys::Result<sys::FileStatus> status = root.status(interpreter.substr(1));
  if (!status) {
    return std::pair{fmt::format("its interpreter '{}' does not exist", shown), remedy};
  }
  if (!S_ISREG(status->mode) || (status->mode & any_execution) == 0) {
    return std::pair{fmt::format("its interpreter '{}' is not executable", shown), remedy};
  }
  return std::nullopt;
}

// A call-out script that cannot be run makes operations fail, a notification script does not.
enum class Purpose { callout, notification };

std::optional<UnusableScript> problem_of(const sys::Dir& root, const sys::Dir& directory,
                                         const std::string& name, Purpose purpose) {
  const std::string shown = directory.path_of(name);
  const auto ignored = [&](const std::string& why, const std::string& remedy, Severity severity) {
    return UnusableScript{{shown, 0, 0, why + ", so the script is not run", {}, remedy}, severity};
  };
  const sys::Result<sys::FileStatus> status = directory.status(name);
  if (!status) {
    return ignored(sys::errno_text(status.error().number), "show the file: ls -l " + shell_word(shown),
                   Severity::warning);
  }
  if (!S_ISREG(status->mode)) {
    return std::nullopt;
  }
  if ((status->mode & any_execution) == 0) {  // the usual way to disable a script
    return ignored("not executable", "to enable the script: chmod +x " + shell_word(shown), Severity::info);
  }
  const sys::Result<std::string> path = directory.outer_path_of(name);
  const auto why = path ? sys::find_untrusted(*path) : std::nullopt;
  if (why && purpose == Purpose::notification) {
    return ignored(why->reason(), why->remedy(), Severity::warning);
  }
  if (why) {
    return UnusableScript{
        {shown,
         0,
         0,
         why->reason() + ", so mdevadm refuses all operations for which this script is called",
         {},
         why->remedy()},
        Severity::error};
  }
  if (const auto unfit = why_not_executed(root, directory, name)) {
    return ignored(unfit->first, unfit->second, Severity::warning);
  }
  return std::nullopt;
}

}  // namespace

std::vector<UnusableScript> unusable_scripts(const sys::Dir& root) {
  std::vector<UnusableScript> found;
  for (const std::string& place : script_directories()) {
    const Purpose purpose = place.ends_with("notifiers") ? Purpose::notification : Purpose::callout;
    const sys::Result<sys::Dir> directory = root.open_dir(place);
    const auto entries = sys::entries_of(directory);
    std::vector<std::string> names;
    for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
      names.push_back(entry.name);
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (auto problem = problem_of(root, *directory, name, purpose)) {
        found.push_back(*std::move(problem));
      }
    }
  }
  return found;
}

}  // namespace mdevadm
