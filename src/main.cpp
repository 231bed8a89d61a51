#include <malloc.h>

#include <mdevadm/sys/last_resort.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/env.hpp"
#include "cli/run.hpp"
#include "compat/run.hpp"

namespace {

// Before the initialisers of static objects, which allocate.
[[gnu::constructor(101)]] void prepare_for_lack_of_memory() {
  mdevadm::sys::end_plainly_without_memory();
}

// Keeps freed memory in the process: returning it to the kernel and requesting it again took a fifth of the
// time of listing ten thousand devices.
void keep_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 128 << 20);
  ::mallopt(M_TOP_PAD, 1 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory();
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  const std::string_view path = argc > 0 ? argv[0] : "";
  const std::string name(path.substr(path.rfind('/') + 1));
  if (mdevadm::compat::is_called_so(name)) {
    return mdevadm::compat::run(name, words);
  }
  return mdevadm::cli::run(words, mdevadm::cli::real_env());
}
