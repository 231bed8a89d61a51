#include <mdevadm/sys/script.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

#include <mdevadm/sys/unique_fd.hpp>

namespace mdevadm::sys {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Polling interval for the end of a script whose pipes are still held open by other processes.
constexpr milliseconds look_again{100};
// How long to read on after the end of a script whose background processes still hold its pipes.
constexpr milliseconds last_words{200};
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

// Starts the child with only the three given descriptors and with the default action for SIGPIPE. Returns 0
// or an errno.
int spawn(const ScriptCall& call, const std::array<int, 3>& standard, pid_t& child) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t usual;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  for (int fd = 0; fd < static_cast<int>(standard.size()); ++fd) {
    ::posix_spawn_file_actions_adddup2(&files, standard[static_cast<std::size_t>(fd)], fd);
  }
  ::sigemptyset(&usual);
  ::sigaddset(&usual, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  const int flags = POSIX_SPAWN_SETSIGDEF | (call.own_group ? POSIX_SPAWN_SETPGROUP : 0);
  ::posix_spawnattr_setflags(&attributes, static_cast<short>(flags));
  std::vector<std::string> words = call.arguments;
  words.insert(words.begin(), call.path);
  std::vector<char*> argv;
  std::transform(words.begin(), words.end(), std::back_inserter(argv),
                 [](std::string& w) { return w.data(); });
  argv.push_back(nullptr);
  const int failed = ::posix_spawn(&child, call.path.c_str(), &files, &attributes, argv.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return failed;
}

// A running child with its input and output streams.
class Conversation {
 public:
  Conversation(pid_t child, const ScriptCall& call, UniqueFd in, UniqueFd out, UniqueFd err)
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

  ScriptEnd hold() {
    talk();
    wait();
    if (!ended_) {
      ::kill(call_.own_group ? -child_ : child_, SIGKILL);
      look(0);
      end_.how = ScriptEnd::How::timed_out;
    }
    return std::move(end_);
  }

 private:
  bool may_go_on() const {
    return Clock::now() < deadline_ && (ended_ || call_.cancelled == nullptr || !call_.cancelled());
  }

  // Feeds and reads the child until it has closed its output streams, or until shortly after its end if
  // background processes hold the streams open.
  void talk() {
    if (left_.empty()) {
      in_.reset();
    }
    while ((out_ || err_) && may_go_on()) {
      std::array<pollfd, 3> wanted{
          {{in_.get(), POLLOUT, 0}, {out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}}};
      const milliseconds left = std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now());
      const int ready = ::poll(wanted.data(), wanted.size(),
                               static_cast<int>(std::clamp(left, milliseconds{1}, look_again).count()));
      if (ready > 0) {
        feed(wanted[0].revents);
        hear(wanted[1].revents, out_, end_.out);
        hear(wanted[2].revents, err_, end_.err);
      }
      // Check in each round, because background processes may write without a pause.
      if (!ended_ && look(WNOHANG)) {
        hear_what_is_there(out_, end_.out);
        hear_what_is_there(err_, end_.err);
        deadline_ = std::min(deadline_, Clock::now() + last_words);
      }
    }
  }

  // Reads what the child wrote before its end, however late it is read.
  void hear_what_is_there(UniqueFd& from, std::string& text) const {
    int bytes = 0;
    if (from && ::ioctl(from.get(), FIONREAD, &bytes) == 0) {
      for (int left = bytes; from && left > 0; left -= static_cast<int>(block)) {
        hear(POLLIN, from, text);
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

  void hear(short events, UniqueFd& from, std::string& text) const {
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
    for (std::chrono::microseconds pause{100}; !ended_ && !look(WNOHANG) && may_go_on();) {
      std::this_thread::sleep_for(pause);
      pause = std::min<std::chrono::microseconds>(pause * 2, look_again);
    }
  }

  // Updates and returns whether the child has ended. `how`: options of waitpid(2).
  bool look(int how) {
    int status = 0;
    pid_t answer = 0;
    do {
      answer = ::waitpid(child_, &status, how);
    } while (answer < 0 && errno == EINTR);
    if (answer == child_) {
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
  return Conversation(child, call, std::move(in->write), std::move(out->read), std::move(err->read)).hold();
}

}  // namespace mdevadm::sys
