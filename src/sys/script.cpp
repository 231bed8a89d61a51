#include <mdevadm/sys/script.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

#include <mdevadm/sys/descriptor_limit.hpp>
#include <mdevadm/sys/unique_fd.hpp>

namespace mdevadm::sys {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Polling interval for the end of a script whose pipes are still held open by other processes.
constexpr milliseconds look_again{100};
// How long to read on after the end of a script whose background processes still hold its pipes.
constexpr milliseconds last_words{200};
// How long to wait after SIGKILL: a process that is blocked in a system call of the kernel ends after that.
constexpr milliseconds after_kill{3000};
constexpr std::size_t block = 16384;
// Limit per output stream. Further output is read and discarded, so the writer neither blocks nor fills
// memory.
constexpr std::size_t most_stored = std::size_t{1} << 20U;
constexpr std::size_t end_stored = std::size_t{1} << 16U;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

// Returns the descriptor, or a duplicate above the standard descriptors if it is one of these: they are
// overwritten in the child before they would be used.
UniqueFd above_standard(int fd) {
  UniqueFd low(fd);
  return fd > STDERR_FILENO ? std::move(low) : UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

std::optional<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::nullopt;
  }
  Pipe pipe{above_standard(ends[0]), above_standard(ends[1])};
  return pipe.read && pipe.write ? std::optional(std::move(pipe)) : std::nullopt;
}

// Affects only our end of the pipe; the child's end is another open file description.
void never_wait_for(const UniqueFd& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

// argv strings end at the first NUL byte.
bool has_nul(const std::string& word) {
  return word.find('\0') != std::string::npos;
}

using Standard = std::array<int, 3>;

// Runs in the child. Only async-signal-safe calls are allowed, because other threads of the parent may hold
// any lock at the time of the fork. Not posix_spawn(3): it cannot set a resource limit.
[[noreturn]] void execute(char* const* argv, char* const* environment, const Standard& standard,
                          bool own_group, int report) {
  if (own_group) {
    ::setpgid(0, 0);
  }
  for (int fd = 0; fd < static_cast<int>(standard.size()); ++fd) {
    ::dup2(standard[static_cast<std::size_t>(fd)], fd);
  }
  ::signal(SIGPIPE, SIG_DFL);
  restore_descriptor_limit();
  ::execve(argv[0], argv, environment);
  const int failed = errno;
  [[maybe_unused]] const ssize_t sent = ::write(report, &failed, sizeof failed);
  ::_exit(127);
}

// Returns pointers to the words with a null pointer at the end, as execve(2) expects them.
std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  std::transform(words.begin(), words.end(), std::back_inserter(pointers),
                 [](std::string& word) { return word.data(); });
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_for(const ScriptCall& call) {
  constexpr std::string_view locale = "LC_ALL=";
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    if (!call.plain_messages || !std::string_view(*variable).starts_with(locale)) {
      variables.emplace_back(*variable);
    }
  }
  if (call.plain_messages) {
    variables.push_back(std::string(locale) + "C");
  }
  return variables;
}

// Starts the child with only the three given descriptors and with the default action for SIGPIPE. Returns 0
// or an errno.
int spawn(const ScriptCall& call, const Standard& standard, pid_t& child) {
  std::vector<std::string> words = call.arguments;
  words.insert(words.begin(), call.path);
  const std::vector<char*> argv = pointers_to(words);
  std::vector<std::string> variables = environment_for(call);
  const std::vector<char*> environment = pointers_to(variables);
  std::optional<Pipe> report = make_pipe();
  if (!report) {
    return errno;
  }
  child = ::fork();
  if (child < 0) {
    return errno;
  }
  if (child == 0) {
    execute(argv.data(), environment.data(), standard, call.own_group, report->write.get());
  }
  report->write.reset();
  int failed = 0;
  ssize_t got = 0;
  do {
    got = ::read(report->read.get(), &failed, sizeof failed);  // end of file: the program is being executed
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    return 0;
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return failed;
}

// A running child with its input and output streams.
class Child {
 public:
  Child(pid_t child, const ScriptCall& call, UniqueFd in, UniqueFd out, UniqueFd err)
      : child_(child),
        call_(call),
        left_(call.input),
        deadline_(Clock::now() + call.deadline),
        in_(std::move(in)),
        out_(std::move(out)),
        err_(std::move(err)) {
    never_wait_for(in_);
    never_wait_for(out_);
    never_wait_for(err_);
  }

  ScriptEnd run() {
    exchange();
    wait();
    if (!ended_) {
      ::kill(call_.own_group ? -child_ : child_, SIGKILL);
      is_killed_ = true;
      deadline_ = Clock::now() + after_kill;
      wait();
      end_.how = ended_ ? ScriptEnd::How::timed_out : ScriptEnd::How::stuck;
    }
    return std::move(end_);
  }

 private:
  bool may_go_on() const {
    return Clock::now() < deadline_ &&
           (ended_ || is_killed_ || call_.cancelled == nullptr || !call_.cancelled());
  }

  // Feeds and reads the child until it has got its input and closed its output streams, or until shortly
  // after its end if background processes hold the streams open.
  void exchange() {
    if (left_.empty()) {
      in_.reset();
    }
    while ((in_ || out_ || err_) && may_go_on()) {
      std::array<pollfd, 3> wanted{
          {{in_.get(), POLLOUT, 0}, {out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}}};
      const milliseconds left = std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now());
      const int ready = ::poll(wanted.data(), wanted.size(),
                               static_cast<int>(std::clamp(left, milliseconds{1}, look_again).count()));
      if (ready > 0) {
        feed(wanted[0].revents);
        read_from(wanted[1].revents, out_, end_.out);
        read_from(wanted[2].revents, err_, end_.err);
      }
      // Check in each round, because background processes may write without a pause.
      if (!ended_ && has_ended()) {
        read_rest(out_, end_.out);
        read_rest(err_, end_.err);
        deadline_ = std::min(deadline_, Clock::now() + last_words);
      }
    }
  }

  // Reads what the child wrote before its end, however late it is read.
  void read_rest(UniqueFd& from, std::string& text) const {
    int bytes = 0;
    if (from && ::ioctl(from.get(), FIONREAD, &bytes) == 0) {
      for (int left = bytes; from && left > 0; left -= static_cast<int>(block)) {
        read_from(POLLIN, from, text);
      }
    }
  }

  // Writes the next part of the input. A child may close its input without reading it: ignore EPIPE.
  void feed(short events) {
    if (events == 0) {
      return;
    }
    const ssize_t written = ::write(in_.get(), left_.data(), left_.size());
    if (written > 0) {
      left_.remove_prefix(static_cast<std::size_t>(written));
    }
    if (left_.empty() || (written < 0 && errno != EAGAIN && errno != EINTR)) {
      in_.reset();
    }
  }

  void read_from(short events, UniqueFd& from, std::string& text) const {
    if (events == 0) {
      return;
    }
    std::array<char, block> buffer;
    const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
    if (got > 0 && call_.keep_end) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
      text.erase(0, text.size() - std::min(text.size(), end_stored));
    } else if (got > 0) {
      text.append(buffer.data(), std::min(static_cast<std::size_t>(got), most_stored - text.size()));
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      from.reset();
    }
  }

  // Waits for the end of the child. Its pipes close slightly before waitpid(2) reports it.
  void wait() {
    in_.reset();
    for (std::chrono::microseconds pause{100}; !has_ended() && may_go_on();) {
      std::this_thread::sleep_for(pause);
      pause = std::min<std::chrono::microseconds>(pause * 2, look_again);
    }
  }

  // Updates and returns whether the child has ended.
  bool has_ended() {
    int status = 0;
    if (!ended_ && ::waitpid(child_, &status, WNOHANG) == child_) {
      ended_ = true;
      end_.how = WIFSIGNALED(status) ? ScriptEnd::How::killed : ScriptEnd::How::exited;
      end_.number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    }
    return ended_;
  }

  pid_t child_;
  const ScriptCall& call_;
  std::string_view left_;  // input not yet written
  Clock::time_point deadline_;
  UniqueFd in_;
  UniqueFd out_;
  UniqueFd err_;
  bool ended_ = false;
  bool is_killed_ = false;
  ScriptEnd end_{ScriptEnd::How::exited, 0, {}, {}};
};

}  // namespace

Result<ScriptEnd> run_script(const ScriptCall& call) {
  if (has_nul(call.path) || std::any_of(call.arguments.begin(), call.arguments.end(), has_nul)) {
    return SysError{EINVAL, call.path};
  }
  std::optional<Pipe> in = make_pipe();
  std::optional<Pipe> out = make_pipe();
  std::optional<Pipe> err = make_pipe();
  if (!in || !out || !err) {
    return SysError{errno, call.path};
  }
  pid_t child = 0;
  const int failed = spawn(call, {in->read.get(), out->write.get(), err->write.get()}, child);
  if (failed != 0) {
    return SysError{failed, call.path};
  }
  in->read.reset();
  out->write.reset();
  err->write.reset();
  return Child(child, call, std::move(in->write), std::move(out->read), std::move(err->read)).run();
}

}  // namespace mdevadm::sys
