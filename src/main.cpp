#include <malloc.h>

#include "cli/env.hpp"
#include "cli/run.hpp"

namespace {

// A program that ends in milliseconds keeps what it has: giving memory back and asking for it again costs
// lists of ten thousand devices a fifth of their time.
void keep_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 128 << 20);
  ::mallopt(M_TOP_PAD, 1 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory();
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return mdevadm::cli::run(words, mdevadm::cli::real_env());
}
