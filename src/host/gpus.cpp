#include <algorithm>
#include <functional>
#include <set>

#include "interface.hpp"
#include "paths.hpp"

namespace mdevadm {

namespace {

constexpr const char* nvidia = "0x10de";
constexpr const char* display_class = "0x03";

}  // namespace

std::vector<GpuFunction> read_gpus(const sys::Dir& root, const std::vector<Parent>& parents) {
  std::vector<GpuFunction> result;
  std::set<std::string, std::less<>> functions;
  for (const Parent& parent : parents) {
    for (const Function& function : parent.functions) {
      functions.insert(function.address);
    }
  }
  const sys::Result<sys::Dir> devices = checked(root.open_dir("sys/bus/pci/devices"));
  const auto entries = checked(sys::entries_of(devices));
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    if (functions.contains(entry.name) || read_optional(*devices, entry.name + "/vendor") != nvidia ||
        devices->exists(entry.name + "/physfn")) {
      continue;
    }
    const std::string kind = read_optional(*devices, entry.name + "/class").value_or(display_class);
    if (kind.starts_with(display_class)) {
      result.push_back(
          {entry.name, "10de:" + read_hex(*devices, entry.name + "/device").value_or("?"),
           link_name(*devices, entry.name + "/driver"),
           read_hex_pair(*devices, entry.name + "/subsystem_vendor", entry.name + "/subsystem_device")
               .value_or(""),
           read_driver_override(*devices, entry.name + "/driver_override"),
           read_number(*devices, entry.name + "/sriov_totalvfs").value_or(0) > 0});
    }
  }
  std::sort(result.begin(), result.end(),
            [](const GpuFunction& a, const GpuFunction& b) { return a.address < b.address; });
  return result;
}

}  // namespace mdevadm
