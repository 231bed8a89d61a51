// kill_at N COMMAND...: runs COMMAND and kills it with SIGKILL on entry to its Nth system call after exec,
// counted over all threads, before the kernel executes the call. Child processes are not traced. Exits with
// 137 if COMMAND was killed, otherwise with the exit code of COMMAND.
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr int killed_code = 128 + SIGKILL;
constexpr int syscall_stop = SIGTRAP | 0x80;

int code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool enters_call(pid_t thread) {
  __ptrace_syscall_info info{};
  return ::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) > 0 &&
         info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

// Returns the signal to deliver to a stopped thread: not those caused by tracing, and not the SIGSTOP with
// which a traced thread begins.
int signal_to_deliver(int status) {
  const int signal = WSTOPSIG(status);
  return signal == syscall_stop || signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
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
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr,
           PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE);
  ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
  long entered = 0;
  while (true) {
    const pid_t thread = ::waitpid(-1, &status, __WALL);
    if (thread < 0 || (thread == child && !WIFSTOPPED(status))) {
      return code_of(status);
    }
    if (!WIFSTOPPED(status)) {
      continue;  // a thread that has ended
    }
    if (WSTOPSIG(status) == syscall_stop && enters_call(thread) && ++entered == wanted) {
      ::kill(child, SIGKILL);
      while (::waitpid(-1, &status, __WALL) != child || WIFSTOPPED(status)) {
      }
      return killed_code;
    }
    ::ptrace(PTRACE_SYSCALL, thread, nullptr, signal_to_deliver(status));
  }
}
