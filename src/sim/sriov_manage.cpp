// /usr/lib/nvidia/sriov-manage: the writes of the original, one by one and in its order, so that a failure or
// a kill in between has the original's consequences. By one public copy of the script (2020 or 2021) and
// reports of users about later ones.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iostream>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <mdevadm/util/text.hpp>
#include <thread>

#include "host_commands.hpp"

namespace mdevadm::sim {

namespace {

const std::string device_directories = "/sys/bus/pci/devices/";
const std::string drivers = "/sys/bus/pci/drivers/";
constexpr std::string_view nvidia_vendor = "0x10de";

int usage() {
  std::cerr << "Usage: sriov-manage <-e|-d> <ssss:bb:dd.f|ALL>\n"
               "    -e: enable virtual functions\n"
               "    -d: disable virtual functions\n"
               "    -h: print this help\n";
  return 1;
}

// Writes as the shell does, with its message on failure.
bool echo(const std::string& text, const std::string& path) {
  const int error = write_line(path, text + "\n");
  if (error != 0) {
    const std::string why = error == ENOENT && ::access(path.c_str(), F_OK) != 0
                                ? fmt::format("{}: No such file or directory", path)
                                : "echo: write error: " + sys::errno_text(error);
    std::cerr << fmt::format("{}/{}: {}\n", sriov_manage_directory, sriov_manage_name, why);
  }
  return error == 0;
}

std::vector<std::string> pci_devices() {
  std::vector<std::string> names;
  if (const auto directory = sys::Dir::open(device_directories)) {
    for (const sys::Entry& entry : directory->entries().or_throw("cannot list {}", device_directories)) {
      names.push_back(entry.name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_nvidia(const std::string& address) {
  return read_line(device_directories + address + "/vendor") == nvidia_vendor;
}

// Releases of about 580 return a failure where earlier ones returned success.
bool reports_failures() {
  const std::string version = read_line("/sys/module/nvidia/version").value_or("0");
  return parse_decimal(version.substr(0, version.find('.'))).value_or(0) >= 580;
}

bool take_unbind_lock(const std::string& gpu) {
  const std::string lock = "/sys/kernel/mdevsim/gpus/" + gpu + "/unbindLock";
  std::ignore = write_line(lock, "1\n");
  if (read_line(lock) == "1") {
    return true;
  }
  std::cerr << fmt::format("Cannot obtain unbindLock for {}\n", gpu);
  return false;
}

// Lets pci-pf-stub have the GPU while the number of functions changes.
bool change_functions(const std::string& gpu, const std::string& number) {
  if (driver_of(gpu) == "nvidia" && !take_unbind_lock(gpu)) {
    return false;
  }
  if (!driver_of(gpu).empty()) {
    echo(gpu, device_directories + gpu + "/driver/unbind");
  }
  const std::string ids = read_line(device_directories + gpu + "/vendor").value_or("0x0").substr(2) + " " +
                          read_line(device_directories + gpu + "/device").value_or("0x0").substr(2);
  const std::string stub = drivers + "pci-pf-stub/";
  echo(ids, stub + "new_id");
  if (driver_of(gpu) != "pci-pf-stub") {
    echo(gpu, stub + "bind");
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  echo(number, device_directories + gpu + "/sriov_numvfs");
  echo(gpu, stub + "unbind");
  echo(ids, stub + "remove_id");
  return echo(gpu, drivers + "nvidia/bind");
}

std::vector<std::string> functions_of(const std::string& gpu) {
  std::vector<std::string> result;
  for (const std::string& name : pci_devices()) {
    const auto physical = sys::Dir::open(device_directories + name);
    const auto link =
        physical ? physical->read_link("physfn") : sys::Result<std::string>(sys::SysError{ENOENT, ""});
    if (link && link->ends_with(gpu)) {
      result.push_back(name);
    }
  }
  return result;
}

// Returns whether the last function could be bound: the script's status.
bool bind_functions(const std::string& gpu) {
  bool is_bound = true;
  for (const std::string& function : functions_of(gpu)) {
    const std::string driver = driver_of(function);
    if (driver == "nvidia") {
      continue;
    }
    if (!driver.empty()) {
      echo(function, device_directories + function + "/driver/unbind");
    }
    is_bound = echo(function, drivers + "nvidia/bind");
  }
  return is_bound;
}

int enable(const std::string& gpu) {
  std::cout << fmt::format("Enabling VFs on {}", gpu) << std::endl;
  const bool is_changed =
      change_functions(gpu, read_line(device_directories + gpu + "/sriov_totalvfs").value_or("0"));
  const bool is_bound = bind_functions(gpu);
  return is_bound && (is_changed || !reports_failures()) ? 0 : 1;
}

int disable(const std::string& gpu) {
  std::cout << fmt::format("Disabling VFs on {}", gpu) << std::endl;
  for (const std::string& function : functions_of(gpu)) {
    if (const std::string driver = driver_of(function); driver == "nvidia" || driver == "vfio-pci") {
      echo(function, device_directories + function + "/driver/unbind");
    }
  }
  return change_functions(gpu, "0") ? 0 : 1;
}

int manage(const std::string& gpu, bool on) {
  if (!is_nvidia(gpu)) {
    return 1;
  }
  const auto enabled = read_line(device_directories + gpu + "/sriov_numvfs");
  if (!enabled) {
    return 0;
  }
  if (!read_line(device_directories + gpu + "/class").value_or("").starts_with("0x03")) {
    std::cout << "This is not a VGA or 3D controller. Exiting.\n";
    return 1;
  }
  if ((*enabled != "0") == on) {
    std::cout << fmt::format("GPU at {} already has VFs {}.\n", gpu, on ? "enabled" : "disabled");
    return 0;
  }
  return on ? enable(gpu) : disable(gpu);
}

// Later GPUs are not touched after a failure.
int manage_all(bool on) {
  for (const std::string& name : pci_devices()) {
    const std::string pci_class = read_line(device_directories + name + "/class").value_or("");
    const bool is_gpu = pci_class.starts_with("0x0300") || pci_class.starts_with("0x0302");
    if (!name.ends_with(".0") || !is_gpu || !is_nvidia(name)) {
      continue;
    }
    if (const int status = manage(name, on)) {
      return status;
    }
  }
  return 0;
}

}  // namespace

std::optional<std::string> read_line(const std::string& path) {
  const auto text = sys::read_stream(path);
  return text ? std::optional<std::string>(trim(*text)) : std::nullopt;
}

int write_line(const std::string& path, std::string_view text) {
  const sys::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return !file || ::write(file.get(), text.data(), text.size()) < 0 ? errno : 0;
}

std::string driver_of(const std::string& pci_address) {
  const auto directory = sys::Dir::open(device_directories + pci_address);
  const auto link =
      directory ? directory->read_link("driver") : sys::Result<std::string>(sys::SysError{ENOENT, ""});
  return link ? link->substr(link->rfind('/') + 1) : std::string{};
}

std::optional<std::string> pci_name(std::string_view address) {
  const std::vector<std::string_view> fields = split(address, ':');
  const std::vector<std::string_view> last = split(fields.back(), '.');
  const auto hex = [](std::string_view text) -> std::optional<unsigned> {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
  };
  if (fields.size() < 2 || fields.size() > 3 || last.size() > 2) {
    return std::nullopt;
  }
  const auto domain = fields.size() == 3 ? hex(fields.front()) : std::optional(0U);
  const auto bus = hex(fields[fields.size() - 2]);
  const auto slot = hex(last.front());
  const auto function = last.size() == 2 ? hex(last.back()) : std::optional(0U);
  if (!domain || !bus || !slot || !function) {
    return std::nullopt;
  }
  return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", *domain, *bus, *slot, *function);
}

int sriov_manage(const std::vector<std::string>& words) {
  if (words == std::vector<std::string>{"-h"}) {
    usage();
    return 0;
  }
  if (words.size() != 2 || (words[0] != "-e" && words[0] != "-d")) {
    return usage();
  }
  const bool on = words[0] == "-e";
  if (to_lower(words[1]) == "all") {
    return manage_all(on);
  }
  const auto gpu = pci_name(words[1]);
  return gpu ? manage(*gpu, on) : 1;
}

}  // namespace mdevadm::sim
