#include "enclosure.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::sim {

namespace {

constexpr int no_proc = 125;      // the supervisor could not mount /proc
constexpr int not_started = 127;  // exit code of shells for a command that cannot be executed
constexpr const char* source = "mdevsim";

[[noreturn]] void fail(const std::string& doing, const std::string& hint = {}) {
  throw Error(ExitCode::failed, fmt::format("{}: {}", doing, sys::errno_text(errno)), hint);
}

void write_file(const char* path, const std::string& text) {
  const sys::UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    fail(fmt::format("cannot write '{}'", path));
  }
}

void become_root(uid_t user, gid_t group) {
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", fmt::format("0 {} 1", user));
  write_file("/proc/self/gid_map", fmt::format("0 {} 1", group));
}

// Mounts an empty tmpfs. It is shared, so that later mounts in it propagate to the namespaces below.
void mount_empty(const std::string& path) {
  if (::mount(source, path.c_str(), "tmpfs", MS_NOSUID, "mode=0755") != 0 ||
      ::mount(nullptr, path.c_str(), nullptr, MS_SHARED, nullptr) != 0) {
    fail(fmt::format("cannot mount a tmpfs on '{}'", path));
  }
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// Shows the file `name` of the directory `old` under `path`. Files that cannot be shown are missing there.
void show_again(int old, const char* name, const std::string& path) {
  struct stat status {};
  if (::fstatat(old, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return;
  }
  if (S_ISLNK(status.st_mode)) {
    std::array<char, PATH_MAX> target{};
    if (::readlinkat(old, name, target.data(), target.size() - 1) > 0) {
      std::ignore = ::symlink(target.data(), path.c_str());
    }
    return;
  }
  // A bind-mounted ptmx would use the terminals next to its original path, so a new node is created.
  if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(5, 2) &&
      ::mknod(path.c_str(), status.st_mode, status.st_rdev) == 0) {
    ::chmod(path.c_str(), status.st_mode & 07777);
    return;
  }
  if (S_ISDIR(status.st_mode)) {
    ::mkdir(path.c_str(), 0755);
  } else {
    const sys::UniqueFd place(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  }
  const sys::UniqueFd tree(::open_tree(old, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (tree) {
    ::move_mount(tree.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH);
  }
}

void rebuild(const std::string& parent) {
  const sys::UniqueFd old(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!old) {
    fail(fmt::format("cannot open '{}'", parent));
  }
  mount_empty(parent);
  DIR* list = ::fdopendir(::fcntl(old.get(), F_DUPFD_CLOEXEC, 0));
  if (list == nullptr) {
    fail(fmt::format("cannot list '{}'", parent));
  }
  while (const dirent* entry = ::readdir(list)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      show_again(old.get(), entry->d_name, fmt::format("{}/{}", parent, name));
    }
  }
  ::closedir(list);
}

}  // namespace

void require_fuse() {
  const sys::UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device) {
    const bool missing = errno == ENOENT || errno == ENODEV || errno == ENXIO;
    fail("cannot simulate a host: cannot open '/dev/fuse'",
         missing ? "load the kernel module: modprobe fuse"
                 : "run as root, or permit access: chmod 666 /dev/fuse");
  }
}

void enclose() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(CLONE_NEWNS | (user == 0 ? 0 : CLONE_NEWUSER)) != 0) {
    fail("cannot create namespaces for the simulated host",
         user == 0 ? "in a container, grant the capability: docker run --cap-add SYS_ADMIN"
                   : "run as root; on this system ordinary users must not create user namespaces");
  }
  if (user != 0) {
    become_root(user, group);
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    // Only mount points have a propagation type.
    fail("cannot make mounts private",
         errno == EINVAL ? "in a chroot, make its directory DIR a mount point first: mount --bind DIR DIR"
                         : "run as root; on this system mounting in user namespaces is not permitted");
  }
}

bool enclose_network() {
  if (::unshare(CLONE_NEWNET) != 0) {
    return false;
  }
  const sys::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  if (socket && ::ioctl(socket.get(), SIOCGIFFLAGS, &loopback) == 0) {
    loopback.ifr_flags = static_cast<short>(loopback.ifr_flags | IFF_UP);
    ::ioctl(socket.get(), SIOCSIFFLAGS, &loopback);
  }
  return true;
}

void replace_directories(const std::string& parent, const std::vector<std::string>& names,
                         const std::optional<std::string>& keep_directory) {
  const auto missing = [&](const std::string& name) { return !is_directory(parent + "/" + name); };
  if (std::any_of(names.begin(), names.end(), missing)) {
    rebuild(parent);
  }
  for (const std::string& name : names) {
    const std::string path = parent + "/" + name;
    ::mkdir(path.c_str(), 0755);
    if (!keep_directory) {
      mount_empty(path);
      continue;
    }
    const std::string home = *keep_directory + path;
    std::ignore = sys::Dir::open("/")
                      .or_throw("cannot open '/'")
                      .make_dirs(home.substr(1))
                      .or_throw("cannot create directory '{}'", home);
    if (::mount(home.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      fail(fmt::format("cannot bind-mount '{}' on '{}'", home, path));
    }
  }
}

void add_program(const std::string& directory, const std::string& name, const std::string& target) {
  const std::string path = directory + "/" + name;
  if (is_directory(directory)) {
    rebuild(directory);
  } else {
    const std::size_t slash = directory.rfind('/');
    replace_directories(directory.substr(0, slash), {directory.substr(slash + 1)}, std::nullopt);
  }
  if (::unlink(path.c_str()) != 0 && errno == EBUSY) {
    ::umount2(path.c_str(), MNT_DETACH);  // it shows a real file
    ::unlink(path.c_str());
  }
  if (::symlink(target.c_str(), path.c_str()) != 0) {
    fail(fmt::format("cannot create '{}'", path));
  }
}

namespace {

// Mounts a /proc that shows the processes of the new PID namespace, visible for this process and those below.
// Mounts of the outer namespace still propagate into it. Returns false if that is not permitted.
bool show_own_processes() {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 &&
         ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
}

pid_t fork_into_namespace(bool own_processes) {
  return static_cast<pid_t>(
      ::syscall(SYS_clone, SIGCHLD | (own_processes ? CLONE_NEWPID : 0), nullptr, nullptr, nullptr, nullptr));
}

volatile sig_atomic_t command_pid = 0;

extern "C" void pass_on(int number) {
  if (command_pid > 0) {
    ::kill(command_pid, number);
  }
}

// Returns true if the process at the other end of the pipe has ended.
bool is_alone(const sys::UniqueFd& pipe) {
  pollfd wait{.fd = pipe.get(), .events = 0, .revents = 0};
  return ::poll(&wait, 1, 0) == 1;
}

struct FirstTask {
  const std::vector<std::string>& words;
  const rlimit& files;
  bool own_processes;
};

// Supervises the command as first process of its PID namespace: the kernel kills all other processes of the
// namespace when it ends.
[[noreturn]] void be_first(const FirstTask& task, const sys::UniqueFd& above) {
  const auto& [words, files, own_processes] = task;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (is_alone(above)) {  // it ended before PR_SET_PDEATHSIG took effect
    ::_exit(1);
  }
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (own_processes && !show_own_processes()) {
    ::_exit(no_proc);
  }
  struct sigaction action {};
  action.sa_handler = pass_on;
  for (const int number : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
    ::sigaction(number, &action, nullptr);
  }
  std::ignore = std::signal(SIGINT, SIG_IGN);  // the terminal sends both to the command, too
  std::ignore = std::signal(SIGQUIT, SIG_IGN);
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int number : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT, SIGPIPE}) {
      std::ignore = std::signal(number, SIG_DFL);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::vector<char*> arguments;
    for (const std::string& word : words) {
      arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execvp takes char* but does not write
    }
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    const std::string why = fmt::format("mdevsim: error: cannot run '{}': {}\n", printable(words.front()),
                                        sys::errno_text(errno));
    std::ignore = ::write(STDERR_FILENO, why.data(), why.size());
    ::_exit(not_started);
  }
  command_pid = child;
  int status = 0;
  while (true) {
    const pid_t ended = ::wait(&status);
    if (ended == child) {
      ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
    if (ended < 0 && errno != EINTR) {
      ::_exit(1);
    }
  }
}

}  // namespace

Enclosed start_enclosed(const std::vector<std::string>& words, const rlimit& files) {
  // There is no other way to find out whether that is permitted.
  const pid_t probe = fork_into_namespace(true);
  if (probe == 0) {
    ::_exit(show_own_processes() ? 0 : no_proc);
  }
  int status = 0;
  const bool own_processes =
      probe > 0 && ::waitpid(probe, &status, 0) == probe && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    fail("cannot create a pipe");
  }
  const sys::UniqueFd above(ends[0]);
  sys::UniqueFd ours(ends[1]);
  const pid_t first = fork_into_namespace(own_processes);
  if (first < 0) {
    fail(fmt::format("cannot start '{}'", printable(words.front())));
  }
  if (first == 0) {
    ours.reset();
    be_first({words, files, own_processes}, above);
  }
  return {first, sys::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, first, 0))), std::move(ours)};
}

int exit_code_of(const Enclosed& enclosed) {
  int status = 0;
  while (::waitpid(enclosed.first, &status, 0) < 0) {
    if (errno != EINTR) {
      return 1;
    }
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace mdevadm::sim
