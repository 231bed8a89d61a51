// kill_at N COMMAND...: runs COMMAND and kills it with SIGKILL on entry to its Nth system call after exec,
// before the kernel executes the call. Counts the calls of all threads that can change something outside the
// process, and those that wait for something: between two of these it makes no difference when the process is
// killed. Child processes are not traced. Exits with 137 if COMMAND was killed, otherwise with the exit code
// of COMMAND.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr int killed_code = 128 + SIGKILL;
constexpr int syscall_stop = SIGTRAP | 0x80;

int code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool opens_for_reading(std::uint64_t flags) {
  return (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY;
}

// Returns whether a call neither changes anything outside the process nor waits. Calls that are not listed
// are counted.
bool is_silent(const __ptrace_syscall_info& info) {
  const auto& [number, words] = info.entry;
  switch (number) {
    case SYS_openat: return opens_for_reading(words[2]);
    case SYS_fcntl:
      return words[1] == F_GETFD || words[1] == F_SETFD || words[1] == F_GETFL || words[1] == F_SETFL ||
             words[1] == F_DUPFD_CLOEXEC;
    case SYS_mmap:
      return (words[3] & MAP_ANONYMOUS) != 0 || (words[2] & PROT_WRITE) == 0 || (words[3] & MAP_PRIVATE) != 0;
#ifdef SYS_open
    case SYS_open: return opens_for_reading(words[1]);
    case SYS_access:
    case SYS_arch_prctl:
    case SYS_readlink:
    case SYS_stat:
    case SYS_lstat:
#endif
    case SYS_brk:
    case SYS_clock_getres:
    case SYS_clock_gettime:
    case SYS_close:
    case SYS_dup:
    case SYS_dup3:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_fstat:
    case SYS_fstatfs:
    case SYS_getcwd:
    case SYS_getdents64:
    case SYS_getegid:
    case SYS_geteuid:
    case SYS_getgid:
    case SYS_getpid:
    case SYS_getppid:
    case SYS_getrandom:
    case SYS_getrlimit:
    case SYS_gettid:
    case SYS_getuid:
    case SYS_lseek:
    case SYS_madvise:
    case SYS_mprotect:
    case SYS_mremap:
    case SYS_munmap:
    case SYS_newfstatat:
    case SYS_pread64:
    case SYS_prlimit64:
    case SYS_read:
    case SYS_readlinkat:
    case SYS_readv:
    case SYS_rseq:
    case SYS_rt_sigaction:
    case SYS_rt_sigprocmask:
    case SYS_sched_getaffinity:
    case SYS_set_robust_list:
    case SYS_set_tid_address:
    case SYS_statfs:
    case SYS_statx:
    case SYS_sysinfo:
    case SYS_uname: return true;
    default: return false;
  }
}

bool enters_counted_call(pid_t thread) {
  __ptrace_syscall_info info{};
  return ::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) > 0 &&
         info.op == PTRACE_SYSCALL_INFO_ENTRY && !is_silent(info);
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
    // The search for leaks at the end of a program traces it itself, and fails in one that is traced already.
    ::setenv("ASAN_OPTIONS", "detect_leaks=0:halt_on_error=1", 1);
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
    if (WSTOPSIG(status) == syscall_stop && enters_counted_call(thread) && ++entered == wanted) {
      ::kill(child, SIGKILL);
      while (::waitpid(-1, &status, __WALL) != child || WIFSTOPPED(status)) {
      }
      return killed_code;
    }
    ::ptrace(PTRACE_SYSCALL, thread, nullptr, signal_to_deliver(status));
  }
}
