// Parts of driverctl, of chccwdev of s390-tools, and of modprobe.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <mdevadm/sys/result.hpp>

#include "host_commands.hpp"

namespace mdevadm::sim {

namespace {

bool is_there(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

int complain(const char* program, const std::string& why) {
  std::cerr << program << ": " << why << '\n';
  return 1;
}

std::string module_of(std::string driver) {
  std::replace(driver.begin(), driver.end(), '-', '_');
  return driver;
}

std::string driver_link(const std::string& device) {
  std::array<char, 256> text{};
  const ssize_t size = ::readlink((device + "/driver").c_str(), text.data(), text.size() - 1);
  const std::string target(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return target.substr(target.rfind('/') + 1);
}

int load_module(const std::string& name) {
  if (is_there("/sys/module/" + module_of(name))) {
    return 0;
  }
  return write_line("/sys/kernel/mdevsim/control", "load " + module_of(name));
}

struct Override {
  std::string bus = "pci";
  std::string device{}, driver{};  // no driver: unset
};

// Binds the driver of the override, or any driver without one. Nothing is saved for the next boot.
int apply(const Override& wanted) {
  const std::string bus = "/sys/bus/" + wanted.bus;
  const std::string device = bus + "/devices/" + wanted.device;
  const auto fail = [](const std::string& why) { return complain("driverctl", why); };
  if (!is_there(device)) {
    return fail("no such device: " + wanted.device);
  }
  if (!is_there(device + "/driver_override")) {
    return fail("device does not support driver override: " + wanted.device);
  }
  const bool is_set = !wanted.driver.empty() && wanted.driver != "none";
  const bool is_known = is_there(fmt::format("{}/drivers/{}", bus, wanted.driver));
  if (is_set && !is_known && load_module(wanted.driver) != 0) {
    return fail("no such module: " + wanted.driver);
  }
  if (const std::string bound = driver_link(device);
      !bound.empty() && write_line(device + "/driver/unbind", wanted.device) != 0) {
    return fail(fmt::format("unbinding {} failed", wanted.device));
  }
  write_line(device + "/driver_override", wanted.driver + "\n");
  write_line(bus + "/drivers_probe", wanted.device);
  if (is_set && driver_link(device).empty()) {
    return fail(fmt::format("failed to bind device {} to driver {}", wanted.device, wanted.driver));
  }
  return 0;
}

}  // namespace

int driverctl(const std::vector<std::string>& words) {
  Override wanted;
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if ((words[i] == "-b" || words[i] == "--bus") && i + 1 < words.size()) {
      wanted.bus = words[++i];
    } else if (words[i] != "-v" && words[i] != "--verbose" && words[i] != "--nosave") {
      rest.push_back(words[i]);
    }
  }
  const bool sets = rest.size() == 3 && rest[0] == "set-override";
  if (!sets && !(rest.size() == 2 && rest[0] == "unset-override")) {
    return complain("driverctl", "only set-override DEVICE DRIVER and unset-override DEVICE are simulated");
  }
  wanted.device = rest[1];
  wanted.driver = sets ? rest[2] : std::string{};
  return apply(wanted);
}

int chccwdev(const std::vector<std::string>& words) {
  if (words.size() != 2 || (words[0] != "-d" && words[0] != "-e")) {
    return complain("chccwdev", "only -d DEVICE and -e DEVICE are simulated");
  }
  const std::string file = fmt::format("/sys/bus/ccw/devices/{}/online", words[1]);
  if (!is_there(file)) {
    return complain("chccwdev", fmt::format("Device {} not found", words[1]));
  }
  const bool on = words[0] == "-e";
  std::cout << fmt::format("Setting device {} {}\n", words[1], on ? "online" : "offline");
  if (const int error = write_line(file, on ? "1" : "0")) {
    return complain("chccwdev", "Failed (" + sys::errno_text(error) + ")");
  }
  std::cout << "Done\n";
  return 0;
}

int modprobe(const std::vector<std::string>& words) {
  if (words.size() != 1 || words[0].starts_with("-")) {
    return complain("modprobe", "only modprobe MODULE is simulated");
  }
  return load_module(words[0]) == 0
             ? 0
             : complain("modprobe",
                        fmt::format("FATAL: Module {} not found in directory /lib/modules", words[0]));
}

}  // namespace mdevadm::sim
