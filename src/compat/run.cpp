#include "run.hpp"

#include <unistd.h>

#include <cerrno>
#include <mdevadm/sys/descriptor_limit.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/sys/process.hpp>

#include "session.hpp"

namespace mdevadm::compat {

namespace {

void run_command(Session& session, const CommandLine& line) {
  switch (line.verb) {
    case Verb::define: return run_define(session, line.options);
    case Verb::undefine: return run_undefine(session, line.options);
    case Verb::modify: return run_modify(session, line.options);
    case Verb::start: return run_start(session, line.options);
    case Verb::stop: return run_stop(session, line.options);
    case Verb::list: return run_list(session, line.options);
    case Verb::types: return run_types(session, line.options);
    case Verb::start_parent_mdevs: return run_start_parent(session, line.options);
  }
}

// A missing root directory is an empty host for listings, and an error for all other commands.
std::string run_without_root(const CommandLine& line, int error) {
  const bool lists =
      line.verb == Verb::list || line.verb == Verb::types || line.verb == Verb::start_parent_mdevs;
  if (!lists || error != ENOENT) {
    throw Failure{cause_of(error)};
  }
  return line.options.has("dumpjson") ? "[]" : "";
}

std::string results(const CommandLine& line) {
  sys::Result<sys::Dir> root = sys::Dir::open_root(chosen_root());
  if (!root) {
    return run_without_root(line, root.error().number);
  }
  Session session(*std::move(root));
  run_command(session, line);
  return std::move(session.out);
}

// If stderr cannot be written to, the exit code still reports the failure.
int fail(const Failure& failure) {
  write_out(STDERR_FILENO, format_failure(failure));
  return static_cast<int>(ExitCode::failed);
}

}  // namespace

bool is_called_so(const std::string& program) {
  return program == "mdevctl" || program.ends_with("lsmdev");
}

int run(const std::string& program, const std::vector<std::string>& words) {
  // If a standard descriptor is closed, the first opened file would get its number and receive the output.
  sys::fill_standard_descriptors(sys::ClosedOutput::is_discarded);
  sys::catch_signals();
  sys::raise_descriptor_limit();
  try {
    const int unwritten = write_out(STDOUT_FILENO, results(parse_command_line(program, words)));
    return unwritten == 0 ? static_cast<int>(ExitCode::done) : fail({cause_of(unwritten)});
  } catch (const Answer& answer) {
    write_out(answer.code == 0 ? STDOUT_FILENO : STDERR_FILENO, answer.text);
    return answer.code;
  } catch (const Failure& failure) {
    return fail(failure);
  } catch (const std::exception& error) {
    return fail({reason_of(error)});
  }
}

}  // namespace mdevadm::compat
