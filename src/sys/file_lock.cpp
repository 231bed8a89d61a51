#include <mdevadm/sys/file_lock.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>
#include <thread>

#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/sys/process.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::sys {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds polling_interval{5};
constexpr milliseconds longest_call{100};  // so that a signal that another thread got is seen

void wake_up(int) {}

// While an object exists, system calls of its thread that wait are interrupted (EINTR) after `longest_call`
// each.
class Alarm {
 public:
  Alarm() {
    ::sigemptyset(&only_this_);
    ::sigaddset(&only_this_, number());
    struct sigaction action {};
    action.sa_handler = wake_up;  // without SA_RESTART
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = number();
    event._sigev_un._tid = ::gettid();
    const timespec often{0, std::chrono::nanoseconds(longest_call).count()};
    const itimerspec when{often, often};
    has_timer_ =
        ::sigaction(number(), &action, nullptr) == 0 && ::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
    is_set_ = has_timer_ && ::pthread_sigmask(SIG_UNBLOCK, &only_this_, &before_) == 0 &&
              ::timer_settime(timer_, 0, &when, nullptr) == 0;
  }
  ~Alarm() {
    if (has_timer_) {
      ::timer_delete(timer_);
    }
    if (is_set_) {
      ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  bool is_set() const { return is_set_; }

 private:
  static int number() { return SIGRTMIN + 3; }

  sigset_t only_this_{};
  sigset_t before_{};
  timer_t timer_{};
  bool has_timer_ = false;
  bool is_set_ = false;
};

// Waits at most `patience` for the lock. Returns 0 or an errno; EINTR if a signal asked to end. The processes
// that wait in flock() get the lock in their order (Linux 5.0 and later), which asking for it again and again
// does not ensure.
int lock(const UniqueFd& fd, milliseconds patience) {
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
    return 0;
  }
  if (errno != EWOULDBLOCK && errno != EINTR) {
    return errno;
  }
  const auto deadline = Clock::now() + patience;
  // A wait of one call only could exceed the time limit.
  const std::optional<Alarm> alarm = patience > longest_call ? std::make_optional<Alarm>() : std::nullopt;
  while (true) {
    const auto left = deadline - Clock::now();
    if (left <= milliseconds{0}) {
      return EWOULDBLOCK;
    }
    if (interrupted()) {
      return EINTR;
    }
    const bool waits = alarm && alarm->is_set() && left > longest_call;
    if (!waits) {
      std::this_thread::sleep_for(std::min<Clock::duration>(left, polling_interval));
    }
    if (::flock(fd.get(), waits ? LOCK_EX : LOCK_EX | LOCK_NB) == 0) {
      return 0;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return errno;
    }
  }
}

// Returns the device number of the file system that contains an open file, as /proc/locks has it. stat()
// returns another one on btrfs (that of the subvolume) and on overlays.
std::optional<dev_t> device_of_mount(const Dir& proc, const UniqueFd& fd) {
  constexpr std::string_view key = "\nmnt_id:\t";
  const Result<std::string> info = proc.read_kernel_file(fmt::format("self/fdinfo/{}", fd.get()));
  const std::size_t at = info ? info->find(key) : std::string::npos;
  const Result<std::string> mounts = proc.read_kernel_file("self/mountinfo");
  if (at == std::string::npos || !mounts) {
    return std::nullopt;
  }
  const std::string_view id = std::string_view(*info).substr(at + key.size());
  const std::string beginning = std::string(id.substr(0, id.find('\n'))) + " ";
  for (const std::string_view line : split(*mounts, '\n')) {
    // Format: "36 35 98:0 /mnt1 /mnt2 ...", of which 98:0 is the device.
    const std::vector<std::string_view> words = split(line, ' ');
    if (!line.starts_with(beginning) || words.size() < 3) {
      continue;
    }
    const std::size_t colon = words[2].find(':');
    const auto high = parse_decimal(words[2].substr(0, colon));
    const auto low =
        colon != std::string_view::npos ? parse_decimal(words[2].substr(colon + 1)) : std::nullopt;
    return high && low ? std::optional(makedev(static_cast<unsigned>(*high), static_cast<unsigned>(*low)))
                       : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Result<FileLock> FileLock::acquire(const Dir& directory, const std::string& name, milliseconds patience) {
  // A link could lead to a file that would be created elsewhere; a FIFO must not block, nor a device act.
  constexpr int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  UniqueFd fd(::openat(directory.fd(), name.c_str(), flags));
  if (!fd && errno == ENOENT) {
    fd = UniqueFd(::openat(directory.fd(), name.c_str(), flags | O_CREAT, 0600));
  }
  struct stat found {};
  const int refused = !fd                              ? errno == ELOOP || errno == ENXIO ? not_a_file : errno
                      : ::fstat(fd.get(), &found) != 0 ? errno
                      : !S_ISREG(found.st_mode)        ? not_a_file
                                                       : 0;
  if (const int number = refused == 0 ? lock(fd, patience) : refused; number != 0) {
    return SysError{number, directory.path_of(name)};
  }
  return FileLock(std::move(fd));
}

Result<FileLock> FileLock::acquire(const Dir& directory, std::chrono::milliseconds patience) {
  UniqueFd fd(::openat(directory.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (const int number = fd ? lock(fd, patience) : errno; number != 0) {
    return SysError{number, directory.path()};
  }
  return FileLock(std::move(fd));
}

LockHolder FileLock::holder(const Dir& directory, const std::string& name) {
  struct stat file {};
  const UniqueFd fd(::openat(directory.fd(), name.c_str(), O_PATH | O_CLOEXEC));
  const Result<Dir> proc = Dir::open("/proc");
  if (!fd || !proc || ::fstat(fd.get(), &file) != 0) {
    return {};
  }
  const Result<std::string> locks = proc->read_kernel_file("locks");
  if (!locks) {
    return {};
  }
  const dev_t device = device_of_mount(*proc, fd).value_or(file.st_dev);
  const std::string id = fmt::format(" {:02x}:{:02x}:{} ", major(device), minor(device), file.st_ino);
  for (const std::string_view line : split(*locks, '\n')) {
    // Format: "7: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF"; waiting processes have "->" after the
    // number.
    const std::size_t at = line.find(id);
    if (at == std::string_view::npos || line.find("FLOCK") == std::string_view::npos ||
        line.find("->") != std::string_view::npos) {
      continue;
    }
    const std::string_view before = line.substr(0, at);
    const auto pid = parse_decimal(before.substr(before.rfind(' ') + 1));
    return pid ? LockHolder{static_cast<int>(*pid), command_of(static_cast<int>(*pid))} : LockHolder{};
  }
  return {};
}

}  // namespace mdevadm::sys
