#include "program.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "tree.hpp"

namespace mdevadm::test {

namespace {

[[noreturn]] void become(const std::vector<std::string>& words, const std::filesystem::path& folder) {
  const int in = ::open((folder / "in").c_str(), O_RDONLY);
  const int out = ::open((folder / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int err = ::open((folder / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::unsetenv("COLUMNS");
  ::unsetenv("NO_COLOR");
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
  const TempDir folder;
  write_text(folder.path() / "in", input);
  const pid_t child = ::fork();
  if (child == 0) {
    become(words, folder.path());
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    throw std::runtime_error("cannot run the program");
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), read_text(folder.path() / "out"),
          read_text(folder.path() / "err")};
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
