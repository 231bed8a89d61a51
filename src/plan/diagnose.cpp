#include <mdevadm/plan/diagnose.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

#include "diagnose_crypto.hpp"

namespace mdevadm {

namespace {

constexpr const char* ccw_driver = "vfio_ccw";
constexpr const char* display_class = "03";

Finding finding_with(std::string id, Severity severity, std::string what,
                     std::vector<std::string> advice = {}) {
  return {std::move(what), std::move(advice), std::move(id), severity};
}

bool is_loaded(const HostDevice& device, const std::string& module) {
  const auto found = device.modules.find(module);
  return found == device.modules.end() || found->second;
}

}  // namespace

std::vector<std::string> advice_to_load(const std::string& module) {
  return {"load the module: modprobe " + module,
          fmt::format("load it at each boot: echo {0} > /etc/modules-load.d/{0}.conf", module)};
}

namespace {

std::string_view subchannel_kind(std::uint64_t type) {
  constexpr std::array<std::string_view, 4> kinds{"I/O", "CHSC", "message", "ADM"};
  return type < kinds.size() ? kinds[type] : "unknown";
}

Finding of_subchannel(const HostDevice& device) {
  const std::string what = describe(device);
  if (device.subchannel_type.value_or(0) != 0) {
    return finding_with("css-type", Severity::info,
                        fmt::format("{} is a subchannel for {}; only I/O subchannels offer mediated devices",
                                    what, subchannel_kind(*device.subchannel_type)));
  }
  // OSA, FCP and HiperSockets work with queues (QDIO), which vfio_ccw does not support.
  const std::string type = device.channel_device ? device.channel_device->type.value_or("") : "";
  if (type.starts_with("1732/")) {
    return finding_with(
        "css-qdio", Severity::info,
        fmt::format("{} is a QDIO device (OSA, FCP or HiperSockets), which {} does not support", what,
                    ccw_driver));
  }
  const std::string bind = fmt::format("bind the subchannel to {0}: driverctl -b css set-override {1} {0}",
                                       ccw_driver, device.address);
  if (device.driver == ccw_driver) {
    return finding_with(
        "css-no-types", Severity::error,
        fmt::format("{} has the driver {} but is not registered as a parent", what, ccw_driver),
        {"see the kernel log for the driver's reason: dmesg"});
  }
  const std::string now = device.driver ? fmt::format("has the driver {}", *device.driver) : "has no driver";
  std::vector<std::string> advice{bind};
  if (device.channel_device && device.channel_device->online == true) {
    advice.front() = "then " + bind;
    advice.insert(advice.begin(),
                  fmt::format("first set the device offline, unless the host uses it: chccwdev -d {}",
                              device.channel_device->number));
  }
  const bool lacks_driver = !device.driver && device.driver_override == ccw_driver;
  const bool has_module = is_loaded(device, ccw_driver);
  const std::string refused = !lacks_driver
                                  ? std::string{}
                                  : fmt::format(" although its driver_override is {0}: {1}", ccw_driver,
                                                has_module ? "the driver has refused it, or was "
                                                             "loaded before the override was set"
                                                           : "the module vfio_ccw is not loaded");
  if (lacks_driver && !has_module) {
    advice = advice_to_load(ccw_driver);
  } else if (lacks_driver) {
    advice = {fmt::format("bind the driver: echo {} > /sys/bus/css/drivers_probe", device.address),
              "if it refuses the subchannel, see the kernel log for its reason: dmesg",
              "return the subchannel to its driver: driverctl -b css unset-override " + device.address};
  }
  return finding_with("css-driver", Severity::error,
                      fmt::format("{} {}{}; it offers mediated devices only with the driver {}", what, now,
                                  refused, ccw_driver),
                      advice);
}

Finding of_i915(const HostDevice& device) {
  const std::string what = fmt::format("{} has the driver i915 without GVT-g", describe(device));
  const bool has_module = is_loaded(device, "kvmgt");
  const std::string module = has_module ? "" : ", and the module kvmgt is not loaded";
  if (!device.enable_gvt) {
    return finding_with("gvt-unsupported", Severity::error,
                        what + ": the kernel is built without it (i915 has no parameter enable_gvt)");
  }
  if (!*device.enable_gvt) {
    return finding_with("gvt-disabled", Severity::error,
                        fmt::format("{}: i915.enable_gvt is off{}", what, module),
                        {"add i915.enable_gvt=1 to the kernel command line, load kvmgt at boot "
                         "(/etc/modules-load.d), and reboot"});
  }
  if (!has_module) {
    return finding_with("gvt-module", Severity::error, what + ": the module kvmgt is not loaded",
                        advice_to_load("kvmgt"));
  }
  return finding_with("gvt-refused", Severity::error,
                      what + ": i915 does not support GVT-g on this GPU or with its present settings",
                      {"see the kernel log for the driver's reason: dmesg"});
}

Finding of_pci(const HostDevice& device) {
  const std::string what = describe(device);
  if (device.physical) {
    return finding_with(
        "pci-function", Severity::info,
        fmt::format("{} is a virtual function of {}, {}, without types", what, *device.physical,
                    device.driver ? "with the driver " + *device.driver : "without driver"),
        {"show its physical function: mdevadm show " + *device.physical});
  }
  if (!device.driver && device.driver_override) {
    return finding_with(
        "pci-no-driver", Severity::error,
        fmt::format("{} has no driver; its driver_override permits only {}", what, *device.driver_override),
        {"remove the override: driverctl unset-override " + device.address});
  }
  if (!device.driver) {
    return finding_with("pci-no-driver", Severity::error, what + " has no driver",
                        {"show which kernel modules support it: lspci -k -s " + device.address});
  }
  if (passes_through(*device.driver)) {
    return finding_with(
        "pci-passthrough", Severity::error,
        fmt::format("{} has the driver {}, which passes the whole device to a virtual machine", what,
                    *device.driver),
        {"when no virtual machine uses it, return the device to its driver: driverctl unset-override " +
         device.address});
  }
  if (device.driver == "i915") {
    return of_i915(device);
  }
  const bool is_display = device.pci_class.value_or("").starts_with(display_class);
  const std::string reason = device.driver == "xe" && is_display ? " (GVT-g needs i915)" : "";
  return finding_with(
      "pci-driver", Severity::info,
      fmt::format("{} has the driver {}, which offers no mediated devices{}", what, *device.driver, reason));
}

}  // namespace

std::string describe(const HostDevice& device) {
  if (device.bus == "css") {
    std::string text = "subchannel " + device.address;
    if (const auto& channel = device.channel_device) {
      text += fmt::format(" (device {}{}{})", channel->number, channel->type ? ", " + *channel->type : "",
                          !channel->online   ? ""
                          : *channel->online ? ", online"
                                             : ", offline");
    }
    return text;
  }
  if (device.bus == "ap") {
    return describe_crypto(device);
  }
  return device.pci_id ? fmt::format("{} ({})", device.address, *device.pci_id) : device.address;
}

Finding why_no_parent(const HostDevice& device, const Snapshot& seen, const Definitions* defined) {
  if (device.bus == "css") {
    return of_subchannel(device);
  }
  if (device.bus == "ap") {
    return why_no_crypto_parent(device, seen, defined);
  }
  if (device.bus == "mdev") {
    return finding_with("mdev-device", Severity::info,
                        fmt::format("{} is a mediated device of {}, not a parent", device.address,
                                    device.parent.value_or("an unknown parent")),
                        {"show the device: mdevadm show " + device.address});
  }
  return of_pci(device);
}

namespace {

// Returns the devices that a name means, as far as they were observed.
const std::vector<HostDevice>& devices_named(const Snapshot& seen, const std::string& name) {
  static const std::vector<HostDevice> none;
  const auto found = seen.host_devices.find(name);
  return found != seen.host_devices.end() ? found->second : none;
}

}  // namespace

std::optional<std::string> parent_with_number(const Snapshot& seen, const std::string& name) {
  for (const HostDevice& device : devices_named(seen, name)) {
    if (device.address != name && seen.find_parent(device.address) != nullptr) {
      return device.address;
    }
  }
  return std::nullopt;
}

std::optional<Finding> number_of_parent(const Snapshot& seen, const std::string& name) {
  const auto parent = parent_with_number(seen, name);
  if (!parent) {
    return std::nullopt;
  }
  return finding_with("parent-missing", Severity::error,
                      fmt::format("'{}' is the device number of subchannel {}, not a parent", name, *parent),
                      {"show the parent: mdevadm show " + *parent});
}

std::optional<std::string> abbreviated_subchannel(const Definition& definition) {
  const std::string& name = definition.parent.str();
  const bool is_of_channels = definition.type.str().starts_with(fmt::format("{}-", ccw_driver));
  return is_of_channels && !is_channel_address(name) ? full_channel_address(name) : std::nullopt;
}

std::vector<Finding> why_no_parent(const Snapshot& seen, const std::string& name) {
  std::vector<Finding> findings;
  for (const HostDevice& device : devices_named(seen, name)) {
    if (seen.find_parent(device.address) == nullptr) {
      findings.push_back(why_no_parent(device, seen));
    }
  }
  return findings;
}

namespace {

// Returns one finding for several devices that a name means.
std::optional<Finding> joined(std::vector<Finding> findings) {
  if (findings.empty()) {
    return std::nullopt;
  }
  Finding all = std::move(findings.front());
  for (auto one = findings.begin() + 1; one != findings.end(); ++one) {
    all.what += "; " + one->what;
    all.advice.insert(all.advice.end(), one->advice.begin(), one->advice.end());
  }
  return all;
}

// Returns the finding for a number of a channel device that is not on the host, or nullopt for another name.
// Another number is never suggested: it would be another disk.
std::optional<Finding> missing_channel_device(const Snapshot& seen, const std::string& name) {
  const std::vector<std::string> parents = seen.parent_names();
  const bool has_channels = std::any_of(parents.begin(), parents.end(),
                                        [](const std::string& one) { return is_channel_address(one); });
  const auto number = full_channel_address(name);
  const bool is_number = is_channel_address(name) || is_channel_address("0.0." + to_lower(name));
  if (is_number && (has_channels || is_channel_address(name))) {
    return finding_with("parent-missing", Severity::error,
                        fmt::format("no subchannel and no channel device has the number '{}'", name),
                        {"list the numbers: ls /sys/bus/css/devices /sys/bus/ccw/devices"});
  }
  if (has_channels && (number || name.starts_with("0.0."))) {
    return finding_with(
        "parent-missing", Severity::error, fmt::format("parent '{}' not found or not mdev-capable", name),
        {"numbers of subchannels and channel devices have four digits: " + number.value_or("0.0.XXXX")});
  }
  return std::nullopt;
}

// The kernel's name of a parent, or of a device that is not a parent.
struct KernelName {
  std::string name;
  bool is_by_number = false;  // the definition has the number of the device of this subchannel
};

// Returns the kernel's name of the device that a definition names in another form, as far as it was observed.
std::optional<KernelName> kernel_name_of_parent(const Snapshot& seen, const std::string& name) {
  const std::vector<HostDevice>& exact = devices_named(seen, name);
  if (seen.find_parent(name) != nullptr ||
      std::any_of(exact.begin(), exact.end(), [&](const HostDevice& one) { return one.address == name; })) {
    return std::nullopt;
  }
  std::vector<std::string> spellings = other_spellings(name);
  spellings.insert(spellings.begin(), name);
  // libvirt's names of channel devices contain their numbers, which can be those of other subchannels.
  const bool is_device_number = name.starts_with("ccw_");
  for (const std::string& one : spellings) {
    if (const auto parent = parent_with_number(seen, one)) {
      return KernelName{*parent, true};
    }
    if (one != name && seen.find_parent(one) != nullptr && !is_device_number) {
      return KernelName{one};
    }
    for (const HostDevice& device : devices_named(seen, one)) {
      if (device.address != one || !is_device_number) {
        return KernelName{device.address, device.address != one};
      }
    }
  }
  const std::string in_other_case = resolve_parent(name, seen.parent_names());
  return seen.find_parent(in_other_case) != nullptr && !is_device_number
             ? std::optional(KernelName{in_other_case})
             : std::nullopt;
}

// Returns why a device that may be a GPU is not a parent.
std::optional<Finding> why_device_is_no_parent(const Snapshot& seen, const std::string& name) {
  if (const auto finding = why_no_types(seen, name)) {
    return finding;
  }
  return joined(why_no_parent(seen, name));
}

}  // namespace

std::optional<Finding> misnamed_parent(const Snapshot& seen, const Definition& definition) {
  const std::string& name = definition.parent.str();
  const auto abbreviated = abbreviated_subchannel(definition);
  std::optional<KernelName> actual = kernel_name_of_parent(seen, name);
  if (!actual && abbreviated && seen.find_parent(name) == nullptr) {
    actual = KernelName{*abbreviated};
  }
  if (!actual) {
    return std::nullopt;
  }
  const bool is_parent = seen.find_parent(actual->name) != nullptr;
  Finding finding = finding_with(
      "parent-missing", Severity::error,
      actual->is_by_number
          ? fmt::format("'{}' is the device number of subchannel {}, not a parent", name, actual->name)
          : fmt::format("{} '{}' must be written {}", abbreviated ? "subchannel" : "parent", name,
                        actual->name));
  if (actual->is_by_number && is_parent) {
    finding.advice = {"show the parent: mdevadm show " + actual->name};
  }
  // --parent accepts other spellings, and therefore does not mean the text that a definition has.
  const std::string under =
      kernel_spelling(name) == name ? fmt::format(" -p {}", shell_word(name)) : std::string{};
  finding.advice.push_back(fmt::format(
      "move the definition to that parent: mdevadm modify {}{} --new-parent {}{}",
      shell_word(identity_of(definition).word()), under, actual->name, is_parent ? "" : " --force"));
  if (auto cause = is_parent ? std::nullopt : why_device_is_no_parent(seen, actual->name)) {
    finding.what = actual->is_by_number ? cause->what : fmt::format("{}; {}", finding.what, cause->what);
    finding.advice.insert(finding.advice.end(), cause->advice.begin(), cause->advice.end());
    finding.id = cause->id;
  }
  return finding;
}

std::optional<Finding> why_missing(const Snapshot& seen, const std::string& name) {
  if (auto finding = why_no_types(seen, name)) {
    finding->what = fmt::format("parent '{}' not found or not mdev-capable: {}", name, finding->what);
    return finding;
  }
  if (auto finding = joined(why_no_parent(seen, name))) {
    return finding;
  }
  if (auto finding = number_of_parent(seen, name)) {
    return finding;
  }
  if (auto finding = missing_channel_device(seen, name)) {
    return finding;
  }
  return missing_address(seen, name);
}

std::optional<Finding> why_missing(const Snapshot& seen, const Definition& definition) {
  const auto misnamed = misnamed_parent(seen, definition);
  return misnamed ? misnamed : why_missing(seen, definition.parent.str());
}

namespace {

// Returns whether the driver of a device that is not a parent could offer the type.
bool could_offer(const HostDevice& device, std::string_view type) {
  const std::string word = to_lower(type);
  const bool is_any = word.empty();
  return device.bus == "css"  ? is_any || word.starts_with(ccw_driver)
         : device.bus == "ap" ? device.address == "matrix" && (is_any || word.starts_with("vfio_ap"))
                              : (device.driver == "i915" || device.driver == "xe") &&
                                    (is_any || word.starts_with("i915-") || word.starts_with("gvtg"));
}

}  // namespace

Error with_candidates(const Error& error, const Snapshot& seen, std::string_view type) {
  std::vector<Finding> findings;
  std::vector<std::string> names;
  const auto take = [&](const std::string& name, Finding finding) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
      findings.push_back(std::move(finding));
    }
  };
  const std::string word = to_lower(type);
  for (const GpuFunction& gpu : seen.gpus) {
    const auto finding = why_no_types(seen, gpu.address);
    if (finding && (word.empty() || word.starts_with("nvidia") || word.starts_with("grid"))) {
      take(gpu.address, *finding);
    }
  }
  for (const auto& [name, devices] : seen.host_devices) {
    for (const HostDevice& device : devices) {
      if (device.address == name && seen.find_parent(name) == nullptr && could_offer(device, type)) {
        take(name, why_no_parent(device, seen));
      }
    }
  }
  if (findings.size() == 1) {
    return {error.code(), fmt::format("{}: {}", error.what(), findings.front().what),
            findings.front().advice.empty() ? error.hints() : findings.front().advice};
  }
  // Without parents, a list of types is empty.
  std::vector<std::string> hints =
      findings.empty() || !seen.parents.empty() ? error.hints() : std::vector<std::string>{};
  if (!findings.empty()) {
    hints.insert(hints.begin(),
                 "to see why devices of the host are not parents: mdevadm check " + join(names, " "));
  }
  return {error.code(), error.what(), hints};
}

}  // namespace mdevadm
