#include <mdevadm/sys/process.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include <mdevadm/sys/dir.hpp>
#include <mdevadm/sys/read_failure.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::sys {

namespace {

bool is_number(const std::string& text) {
  return parse_decimal(text).has_value();
}

void visit_files_of(const Dir& files, int pid, const std::function<void(const OpenFile&)>& visit) {
  const Result<std::vector<Entry>> entries = files.entries();
  if (!entries) {
    return;
  }
  for (const Entry& entry : *entries) {
    // Follows the link to the open file. Only what the kernel knows already: most of the files are on file
    // systems whose server may not answer, such as NFS, and type and number of a file never change.
    struct statx found {};
    if (::statx(files.fd(), entry.name.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE, &found) != 0) {
      continue;
    }
    if (S_ISCHR(found.stx_mode)) {
      visit({pid, makedev(found.stx_rdev_major, found.stx_rdev_minor), {}});
    } else if ((found.stx_mode & S_IFMT) == 0) {  // anonymous inodes have no file type
      if (Result<std::string> target = files.read_link(entry.name)) {
        visit({pid, std::nullopt, *std::move(target)});
      }
    }
  }
}

// Closes all descriptors from `first` to `last`, also on kernels before 5.9, which lack close_range(2).
void close_all(unsigned first, unsigned last) {
  if (first > last || ::close_range(first, last, 0) == 0) {
    return;
  }
  constexpr rlim_t most = 1U << 16U;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    limit.rlim_cur = most;
  }
  for (unsigned fd = first; fd <= last && fd < std::min(limit.rlim_cur, most); ++fd) {
    ::close(static_cast<int>(fd));
  }
}

// Runs in the child. Only async-signal-safe calls are allowed, because other threads of the parent may hold
// any lock at the time of the fork.
[[noreturn]] void write_and_report(int file, std::string_view value, int report) {
  ::setsid();
  // The child may outlive us: a caller that reads our output until end of file must not wait for the child.
  const int null = ::open("/dev/null", O_RDWR);  // NOLINT(android-cloexec-open): the child execs nothing
  for (const int standard : std::array{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::dup2(null, standard);
  }
  // Inherited descriptors would keep locks and pipes of the parent open: close all but the two needed here.
  const auto low = static_cast<unsigned>(std::min(file, report));
  const auto high = static_cast<unsigned>(std::max(file, report));
  close_all(STDERR_FILENO + 1, low - 1);
  close_all(low + 1, high - 1);
  close_all(high + 1, ~0U);
  const ssize_t written = ::write(file, value.data(), value.size());
  const int answer = written < 0 ? errno : 0;
  [[maybe_unused]] const ssize_t sent = ::write(report, &answer, sizeof answer);
  ::_exit(0);
}

}  // namespace

UniqueFd watch_process(int pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

std::string command_of(int pid) {
  const Result<Dir> process = Dir::open(fmt::format("/proc/{}", pid));
  if (!process) {
    return {};
  }
  Result<std::string> name = process->read_attribute("comm");
  return name ? *std::move(name) : std::string{};
}

bool is_of_root(int pid) {
  // The owner of the directory /proc/PID is the effective user: root's also for a set-user-ID program that an
  // ordinary user has started.
  const Result<Dir> process = Dir::open(fmt::format("/proc/{}", pid));
  const Result<std::string> status =
      process ? process->read_kernel_file("status") : Result<std::string>(process.error());
  constexpr std::string_view key = "\nUid:\t";  // "Uid: REAL EFFECTIVE SAVED FILE-SYSTEM"
  const std::size_t at = status ? status->find(key) : std::string::npos;
  return at != std::string::npos && status->compare(at + key.size(), 2, "0\t") == 0;
}

int parent_of(int pid) {
  const Result<Dir> process = Dir::open(fmt::format("/proc/{}", pid));
  const Result<std::string> stat =
      process ? process->read_attribute("stat") : Result<std::string>(process.error());
  // Format: "PID (NAME) STATE PPID ..."; NAME may contain any characters, so search from the end.
  const std::size_t end = stat ? stat->rfind(") ") : std::string::npos;
  if (end == std::string::npos) {
    return 0;
  }
  const std::vector<std::string_view> words = split(std::string_view(*stat).substr(end + 2), ' ');
  const auto parent = words.size() > 1 ? parse_decimal(words[1]) : std::nullopt;
  return parent ? static_cast<int>(*parent) : 0;
}

std::size_t for_each_open_file(const std::function<void(const OpenFile&)>& visit) {
  const Result<Dir> proc = Dir::open("/proc");
  const Result<std::vector<Entry>> entries = entries_of(proc);
  std::size_t not_seen = 0;
  if (!entries && is_read_failure(entries.error().number)) {
    throw_error(entries.error(), "cannot list processes in '/proc'");
  }
  if (!entries) {
    return 1;
  }
  // With the mount option hidepid, processes of other users are not listed, among them the first one.
  if (std::none_of(entries->begin(), entries->end(), [](const Entry& one) { return one.name == "1"; })) {
    ++not_seen;
  }
  for (const Entry& entry : *entries) {
    if (!is_number(entry.name)) {
      continue;
    }
    const Result<Dir> files = proc->open_dir(entry.name + "/fd");
    if (files) {
      visit_files_of(*files, std::atoi(entry.name.c_str()), visit);
    } else if (files.error().number == EACCES || files.error().number == EPERM) {
      ++not_seen;
    }
  }
  return not_seen;
}

void fill_standard_descriptors(ClosedOutput output) {
  const int flags = output == ClosedOutput::fails ? O_RDONLY : O_RDWR;
  int fd = -1;
  do {
    fd = ::open("/dev/null", flags);  // the lowest free number
  } while (fd >= 0 && fd <= STDERR_FILENO);
  UniqueFd(fd).reset();
}

std::optional<Result<Done>> write_with_patience(const UniqueFd& file, std::string_view value,
                                                const std::string& path, std::chrono::milliseconds patience) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Result<Done>(SysError{errno, path});
  }
  const UniqueFd answer_end(ends[0]);
  UniqueFd report_end(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    return Result<Done>(SysError{errno, path});
  }
  if (child == 0) {
    write_and_report(file.get(), value, report_end.get());
  }
  report_end.reset();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  pollfd ready{answer_end.get(), POLLIN, 0};
  int events = 0;
  do {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    events = ::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  } while (events < 0 && errno == EINTR);
  if (events == 0) {
    return std::nullopt;
  }
  int answer = EIO;  // reported if the child dies without an answer
  [[maybe_unused]] const ssize_t got = ::read(answer_end.get(), &answer, sizeof answer);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (answer != 0) {
    return Result<Done>(SysError{answer, path});
  }
  return Result<Done>(Done{});
}

}  // namespace mdevadm::sys
