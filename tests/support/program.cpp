#include "program.hpp"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "tree.hpp"

namespace mdevadm::test {

namespace {

// Becomes the program, with `terminal` as standard output or, if it is -1, the file "out".
[[noreturn]] void become(const std::vector<std::string>& words, const std::filesystem::path& directory,
                         int terminal = -1) {
  const int in = ::open((directory / "in").c_str(), O_RDONLY);
  const int out =
      terminal >= 0 ? terminal : ::open((directory / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int err = ::open((directory / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::unsetenv("COLUMNS");
  ::setenv("LC_ALL", "C.UTF-8", 1);
  if (terminal >= 0) {
    ::setenv("NO_COLOR", "1", 1);
  } else {
    ::unsetenv("NO_COLOR");
  }
  std::vector<char*> argv{const_cast<char*>("mdevadm")};
  for (const std::string& word : words) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  ::execv(MDEVADM_BINARY, argv.data());
  ::_exit(127);
}

}  // namespace

Ran mdevadm(const std::vector<std::string>& words, const std::string& input) {
  const TempDir directory;
  write_text(directory.path() / "in", input);
  const pid_t child = ::fork();
  if (child == 0) {
    become(words, directory.path());
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    throw std::runtime_error("cannot run the program");
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), read_text(directory.path() / "out"),
          read_text(directory.path() / "err")};
}

Ran mdevadm_on_terminal(const std::vector<std::string>& words) {
  const TempDir directory;
  write_text(directory.path() / "in", {});
  int master = -1;
  int terminal = -1;
  const winsize size{.ws_row = 50, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  if (::openpty(&master, &terminal, nullptr, nullptr, &size) != 0) {
    throw std::runtime_error("cannot open a terminal");
  }
  termios raw{};
  ::tcgetattr(terminal, &raw);
  ::cfmakeraw(&raw);
  ::tcsetattr(terminal, TCSANOW, &raw);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(master);
    become(words, directory.path(), terminal);
  }
  ::close(terminal);
  std::string out;
  char buffer[4096];
  // Reading fails with EIO when the last process has closed the terminal.
  for (ssize_t count = 0; (count = ::read(master, buffer, sizeof buffer)) > 0;) {
    out.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(master);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    throw std::runtime_error("cannot run the program");
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), out,
          read_text(directory.path() / "err")};
}

bool is_golden(const std::string& text, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(MDEVADM_TESTS) / "golden" / name;
  const char* accept = std::getenv("MDEVADM_TEST_ACCEPT");
  if (accept != nullptr && std::string(accept) == "1") {
    write_text(path, text);
    std::cerr << "accepted: " << path << "\n";
    return false;
  }
  const std::string wanted = std::filesystem::exists(path) ? read_text(path) : std::string{};
  if (text != wanted) {
    std::cerr << "differs from " << path << " (MDEVADM_TEST_ACCEPT=1 rewrites it); got:\n" << text;
  }
  return text == wanted;
}

}  // namespace mdevadm::test
