// Programs of the host: NVIDIA's sriov-manage and the commands in the settings of parents.
#include <fmt/format.h>
#include <fmt/ranges.h>  // fmt::join since fmt 11
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mdevadm/host/host.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/sys/script.hpp>
#include <mdevadm/sys/trust.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

// PATH differs between a shell, a unit and cron. NixOS has the programs of the system in the last one only.
constexpr const char* program_directories[] = {
    "/usr/local/sbin",           "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
    "/run/current-system/sw/bin"};
constexpr const char* nvidia_directory = "/usr/lib/nvidia";
constexpr const char* sriov_manage = "sriov-manage";
constexpr std::size_t lines_shown = 3;
constexpr std::size_t line_width = 200;

std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return name;
  }
  for (const char* directory : program_directories) {
    std::string path = fmt::format("{}/{}", directory, name);
    if (::access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return std::nullopt;
}

// The directories of programs are those of the system: administrators and distributions may permit a group to
// write there. Elsewhere, the directories on the path count as well.
void require_trusted(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/'));
  const bool is_usual = std::find(std::begin(program_directories), std::end(program_directories),
                                  directory) != std::end(program_directories);
  const auto why = is_usual ? sys::find_untrusted_file(path) : sys::find_untrusted(path);
  if (why) {
    throw Error(ExitCode::failed, fmt::format("cannot run '{}': {}", printable(path), why->reason()),
                why->remedy());
  }
}

std::string last_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(text, '\n')) {
    if (!trim(line).empty()) {
      lines.push_back(shortened(printable(trim(line)), line_width));
    }
  }
  const std::size_t skipped = lines.size() - std::min(lines.size(), lines_shown);
  return join(std::span(lines).subspan(skipped), "; ");
}

}  // namespace

std::string ProgramEnd::text() const {
  std::string result;
  switch (how) {
    case How::exited: result = fmt::format("exit status {}", number); break;
    case How::killed: result = fmt::format("killed by signal {} ({})", number, ::strsignal(number)); break;
    case How::timed_out: result = "killed at the time limit"; break;
    case How::stuck: result = "did not end after SIGKILL at the time limit (blocked in the kernel)"; break;
  }
  const std::string lines = last_lines(trim(err).empty() ? out : err);
  return lines.empty() ? result + ", no output" : fmt::format("{}: {}", result, lines);
}

std::string Host::path_of_sriov_manage() const {
  const std::string usual = fmt::format("{}/{}", nvidia_directory, sriov_manage);
  const std::optional<std::string> path =
      ::access(usual.c_str(), X_OK) == 0 ? std::optional(usual) : find_program(sriov_manage);
  if (!path && ::access(usual.c_str(), F_OK) == 0) {
    throw Error(ExitCode::failed, fmt::format("NVIDIA's program '{}' is not executable", usual),
                "make it executable: chmod +x " + usual);
  }
  if (!path) {
    throw Error(ExitCode::not_found,
                fmt::format("NVIDIA's program '{}' is not installed (expected in {})", sriov_manage,
                            nvidia_directory),
                "install NVIDIA's vGPU host driver, which contains it");
  }
  return *path;
}

bool Host::has_program(const std::string& name) const {
  const std::optional<std::string> path = find_program(name);
  return !root_->is_host() || (path && ::access(path->c_str(), F_OK) == 0);
}

ProgramEnd Host::run_program(const Words& words, const ProgramOptions& options) const {
  const std::string& name = words.front();
  if (!root_->is_host()) {
    throw Error(ExitCode::failed,
                fmt::format("cannot run '{}': programs act on this host, not on '{}'", printable(name),
                            root_->path()),
                "run mdevadm without --root");
  }
  const std::optional<std::string> path = find_program(name);
  if (!path) {
    throw Error(ExitCode::not_found, fmt::format("program '{}' not found in {}", printable(name),
                                                 fmt::join(program_directories, ":")));
  }
  require_trusted(*path);
  const bool is_killed = options.on_interrupt == ProgramOptions::OnInterrupt::is_killed;
  sys::Result<sys::ScriptEnd> end = sys::run_script({.path = *path,
                                                     .arguments = {words.begin() + 1, words.end()},
                                                     .input = options.input,
                                                     .deadline = options.deadline,
                                                     .own_group = true,
                                                     .keep_end = true,
                                                     .plain_messages = options.plain_messages,
                                                     .cancelled = is_killed ? &sys::interrupted : nullptr});
  if (!end) {
    const int number = end.error().number;
    throw Error(number == ENOENT ? ExitCode::not_found : ExitCode::failed,
                fmt::format("cannot run '{}': {}", printable(*path), sys::errno_text(number)))
        .caused_by(number);
  }
  return {*std::move(end)};
}

}  // namespace mdevadm
