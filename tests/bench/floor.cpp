// Prints the active devices of the host with the fewest steps that give their UUIDs, parents and types one by
// one: one listing of the bus, and two links of each device. The lower limit against which `mdevadm list` is
// measured.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

// Returns the last component of a link's target, or that above it.
std::string_view component(std::string_view target, bool above) {
  const std::size_t slash = target.rfind('/');
  return above ? component(target.substr(0, slash), false) : target.substr(slash + 1);
}

}  // namespace

int main() {
  const int bus = open("/sys/bus/mdev/devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const list = bus < 0 ? nullptr : fdopendir(bus);
  if (list == nullptr) {
    std::perror("/sys/bus/mdev/devices");
    return 1;
  }
  std::string out;
  std::array<char, 4096> device{};
  std::array<char, 4096> type{};
  while (const dirent* const entry = readdir(list)) {
    const std::string_view name = entry->d_name;
    if (name.starts_with('.')) {
      continue;
    }
    const ssize_t device_length = readlinkat(bus, entry->d_name, device.data(), device.size());
    const ssize_t type_length =
        readlinkat(bus, (std::string(name) + "/mdev_type").c_str(), type.data(), type.size());
    if (device_length < 0 || type_length < 0) {
      continue;
    }
    out.append(name).append(" ").append(
        component({device.data(), static_cast<std::size_t>(device_length)}, true));
    out.append(" ")
        .append(component({type.data(), static_cast<std::size_t>(type_length)}, false))
        .append("\n");
  }
  return std::fwrite(out.data(), 1, out.size(), stdout) == out.size() ? 0 : 1;
}
