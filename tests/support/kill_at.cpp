// kill_at N COMMAND...: runs COMMAND and kills it with SIGKILL on entry to its Nth system call after exec,
// before the kernel does anything for that call. Exits with 137 if it was killed, else with COMMAND's own
// code.
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr int killed_code = 128 + SIGKILL;

int code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Lets the child go on to its next stop; false once it has ended.
bool next_stop(pid_t child, int& status) {
  int deliver = 0;
  while (true) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, deliver);
    if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
      return false;
    }
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
      return true;
    }
    deliver = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);  // its own signals reach it
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: kill_at N COMMAND...\n", stderr);
    return 2;
  }
  const long wanted = std::atol(argv[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::execvp(argv[2], argv + 2);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFSTOPPED(status)) {
    return code_of(status);
  }
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  for (long entered = 1; next_stop(child, status); ++entered) {
    if (entered == wanted) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return killed_code;
    }
    if (!next_stop(child, status)) {  // the exit from the call
      break;
    }
  }
  return code_of(status);
}
