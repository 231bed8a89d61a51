#include "cli/env.hpp"
#include "cli/run.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return mdevadm::cli::run(words, mdevadm::cli::real_env());
}
