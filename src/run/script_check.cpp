#include <mdevadm/run/script_check.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include <mdevadm/run/hooks.hpp>
#include <mdevadm/sys/trust.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr mode_t any_execution = S_IXUSR | S_IXGRP | S_IXOTH;

// Returns the program in the first line, "#!/bin/sh"; nullopt: there is none.
std::optional<std::string> interpreter_of(const sys::Dir& directory, const std::string& name) {
  const sys::Result<std::string> text = directory.read_file(name);
  if (!text || !text->starts_with("#!")) {
    return std::nullopt;
  }
  const std::string_view line = std::string_view(*text).substr(2, text->find('\n') - 2);
  const std::string_view command = trim(line);
  return std::string(command.substr(0, command.find_first_of(" \t")));
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
  const auto interpreter = interpreter_of(directory, name);
  if (interpreter && interpreter->starts_with('/') && !root.status(interpreter->substr(1))) {
    return ignored(fmt::format("its interpreter '{}' does not exist", printable(*interpreter)),
                   "correct the first line of the script, or install the interpreter", Severity::warning);
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
