// Running one program that somebody else wrote, as a direct child, and hearing what it has to say.
#pragma once

#include <chrono>
#include <mdevadm/sys/result.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::sys {

struct ScriptCall {
  std::string path;
  std::vector<std::string> arguments;  // without the program's name
  std::string_view input;              // what it reads from its standard input, then an end
  std::chrono::milliseconds deadline;
};

struct ScriptEnd {
  enum class How { exited, killed, timed_out } how;
  int number;  // exit code, or the signal that ended it
  std::string out;
  std::string err;
};

// Runs it without a shell, with our environment and working folder, and waits for it. Whether it reads its
// input is its own affair. Of each thing that it says, the first MiB is kept. After the deadline it is
// killed. What it leaves behind in the background is not waited for, though it may hold our pipes and write
// to them. An error is that it could not be executed (ENOEXEC: it says by whom in no first line; EINVAL:
// there is a NUL in a word). SIGPIPE has to be ignored (catch_signals); the script finds it as usual.
Result<ScriptEnd> run_script(const ScriptCall& call);

}  // namespace mdevadm::sys
