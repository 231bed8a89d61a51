// Runs an external program, such as an administrator's script, as a direct child and collects its output.
#pragma once

#include <chrono>
#include <mdevadm/sys/result.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::sys {

struct ScriptCall {
  std::string path;
  std::vector<std::string> arguments;  // without argv[0]
  std::string_view input;              // written to its standard input, which is then closed
  std::chrono::milliseconds deadline;
  // Run in a process group of its own: keyboard signals of the terminal do not reach it, and the whole group
  // is killed after the deadline.
  bool own_group = false;
  // Store the last 64 KiB of each output stream instead of the first MiB.
  bool keep_end = false;
  // Run it with LC_ALL=C: its messages are not translated.
  bool plain_messages = false;
  // Kill it, as after the deadline, as soon as this returns true; nullptr: never.
  bool (*cancelled)() = nullptr;
};

struct ScriptEnd {
  enum class How {
    exited,
    killed,
    timed_out,
    stuck,  // timed out, and SIGKILL did not end it: it is blocked in the kernel and continues later
  } how;
  int number;  // exit code, or the number of the signal that ended it
  std::string out;
  std::string err;
};

// Runs the program without a shell, with the working directory of this process and its environment (except
// for `plain_messages`), and waits for it. It may ignore its input. The first MiB of each output stream is
// stored. It is killed after the deadline; if it does not end then, it is not waited for. Background
// processes that it leaves are not waited for, even if they hold the pipes open and write to them. Fails if
// the program cannot be executed (ENOEXEC: no #! line; EINVAL: an argument contains a NUL byte). SIGPIPE must
// be ignored in this process (catch_signals()); the program is started with its default action.
Result<ScriptEnd> run_script(const ScriptCall& call);

}  // namespace mdevadm::sys
