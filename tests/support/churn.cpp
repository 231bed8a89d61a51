// churn PARENT TYPE THREADS DEVICES: THREADS threads in parallel create DEVICES mediated devices each, and
// remove the odd-numbered ones. Prints how many devices were created, how many were refused for lack of
// capacity, and how many remain. Exits with 1 if the kernel returns any other error.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

// Returns 0 or errno.
int write_file(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) {
    return errno;
  }
  const int error = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
  ::close(file);
  return error;
}

struct Counts {
  std::atomic<unsigned> created{0}, refused{0}, left{0}, odd{0};
};

void work(const std::string& parent, const std::string& type, unsigned thread, unsigned devices,
          Counts& counts) {
  std::mt19937 random(thread);
  for (unsigned i = 0; i < devices; ++i) {
    char uuid[40];
    std::snprintf(uuid, sizeof uuid, "%08x-0000-4000-8000-%012x", thread, i);
    const int made = write_file(parent + "/mdev_supported_types/" + type + "/create", uuid);
    if (made == ENOSPC) {
      ++counts.refused;
      continue;
    }
    if (made != 0) {
      std::fprintf(stderr, "create of %s: %s\n", uuid, std::strerror(made));
      ++counts.odd;
      continue;
    }
    ++counts.created;
    if (random() % 8 == 0) {
      std::this_thread::yield();
    }
    if (i % 2 == 0) {
      ++counts.left;
      continue;
    }
    const int removed = write_file("/sys/bus/mdev/devices/" + std::string(uuid) + "/remove", "1");
    if (removed != 0) {
      std::fprintf(stderr, "remove of %s: %s\n", uuid, std::strerror(removed));
      ++counts.odd;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: churn PARENT TYPE THREADS DEVICES\n");
    return 2;
  }
  Counts counts;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < static_cast<unsigned>(std::stoul(argv[3])); ++i) {
    threads.emplace_back(
        [&, i] { work(argv[1], argv[2], i, static_cast<unsigned>(std::stoul(argv[4])), counts); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::printf("created %u, refused %u, left %u\n", counts.created.load(), counts.refused.load(),
              counts.left.load());
  return counts.odd == 0 ? 0 : 1;
}
