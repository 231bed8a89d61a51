#include <mdevadm/plan/explain.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace mdevadm {

namespace {

// A driver of NVIDIA that is bound to a GPU without types.
Finding of_nvidia(const GpuFunction& gpu, bool mdev_support) {
  const std::string offers_none =
      fmt::format("{} is bound to {} ({}) but offers no types", *gpu.driver, gpu.address, gpu.pci_id);
  const std::string host_driver =
      "check that NVIDIA's vGPU host driver is installed, not the one for displays or CUDA: "
      "modinfo nvidia_vgpu_vfio";
  if (!mdev_support) {
    return {offers_none, {host_driver}, "gpu-driver"};
  }
  return {
      offers_none,
      {"check nvidia-vgpud: journalctl -u nvidia-vgpud (it registers the types of GPUs that support vGPUs)",
       host_driver},
      "gpu-driver"};
}

// Any driver that is not NVIDIA's. A GPU with virtual functions must not be given its driver by an override:
// sriov-manage binds it to pci-pf-stub for a moment, which an override would prevent.
Finding of_other(const GpuFunction& gpu) {
  const std::string what =
      fmt::format("{} is bound to {} ({}), so it offers no types (expected the driver nvidia)", *gpu.driver,
                  gpu.address, gpu.pci_id);
  const std::string& address = gpu.address;
  if (passes_through(*gpu.driver)) {
    return {what,
            {fmt::format("when no virtual machine uses it, return the GPU to its driver: "
                         "driverctl unset-override {}",
                         address)},
            "gpu-driver"};
  }
  if (!gpu.has_functions) {
    return {
        what,
        {fmt::format("bind the GPU to NVIDIA's vGPU host driver: driverctl set-override {} nvidia", address)},
        "gpu-driver"};
  }
  const std::string reason = gpu.driver == stub_driver ? "; sriov-manage was interrupted" : "";
  const std::string bind =
      fmt::format("bind the GPU to NVIDIA's vGPU host driver: {}",
                  commands_to_bind(address, nvidia_driver, gpu.driver, gpu.driver_override.has_value()));
  // Preparing binds a GPU that sriov-manage has left, unless an override prevents it.
  const bool is_prepared = gpu.enables_functions && gpu.driver == stub_driver && !gpu.driver_override;
  return {what + reason,
          {is_prepared ? "bind the GPU, and enable its virtual functions: mdevadm parent prepare " + address
                       : bind},
          "gpu-driver"};
}

// A GPU without driver. The driver is loaded if another GPU has it.
Finding of_unbound(const Snapshot& seen, const GpuFunction& gpu) {
  const std::string what =
      fmt::format("no driver is bound to {} ({}), so it offers no types", gpu.address, gpu.pci_id);
  if (gpu.driver_override && *gpu.driver_override != nvidia_driver) {
    return {fmt::format("{}; its driver_override permits only {}", what, *gpu.driver_override),
            {"remove the override: driverctl unset-override " + gpu.address},
            "gpu-no-driver"};
  }
  const auto other = std::find_if(seen.gpus.begin(), seen.gpus.end(),
                                  [](const GpuFunction& one) { return one.driver == nvidia_driver; });
  if (other == seen.gpus.end()) {
    return {what, {"load NVIDIA's vGPU host driver: modprobe nvidia"}, "gpu-no-driver"};
  }
  return {fmt::format("{}, although the driver {} is loaded (it is bound to {})", what, nvidia_driver,
                      other->address),
          {fmt::format("bind the GPU: {}", commands_to_bind(gpu.address, nvidia_driver, {}, false)),
           "if the driver refuses it, see the kernel log for its reason: dmesg"},
          "gpu-no-driver"};
}

Finding of_gpu(const Snapshot& seen, const GpuFunction& gpu) {
  return !gpu.driver                         ? of_unbound(seen, gpu)
         : gpu.driver->starts_with("nvidia") ? of_nvidia(gpu, seen.mdev_support)
                                             : of_other(gpu);
}

bool is_reserved(const Function& function, const std::vector<FunctionName>& reserved) {
  return std::any_of(reserved.begin(), reserved.end(),
                     [&](const FunctionName& one) { return one.str() == function.address; });
}

// Returns whether a parent offers types, or its lack of types is not a finding.
bool needs_no_reason(const Parent& parent) {
  return !parent.types.empty() || !parent.notice.empty() || !parent.types_text.empty() ||
         parent.capabilities.types_vanish || parent.capabilities.any_type;
}

}  // namespace

bool passes_through(std::string_view driver) {
  return driver.find("vfio") != std::string_view::npos || driver == "pci-stub" || driver == "pciback";
}

std::string Finding::str() const {
  return advice.empty() ? what : fmt::format("{}: {}", what, advice.front());
}

std::optional<Finding> why_no_types(const Snapshot& seen, std::string_view name) {
  const Parent* parent = seen.find_parent(std::string(name));
  if (parent != nullptr && needs_no_reason(*parent)) {
    return std::nullopt;
  }
  const auto gpu = std::find_if(seen.gpus.begin(), seen.gpus.end(),
                                [&](const GpuFunction& one) { return one.address == name; });
  if (gpu != seen.gpus.end()) {
    return of_gpu(seen, *gpu);
  }
  if (parent == nullptr) {
    return std::nullopt;
  }
  return Finding{fmt::format("{} is registered as a parent but offers no types", name),
                 {"check the messages of its driver: journalctl -k"},
                 "parent-no-types"};
}

std::vector<Finding> why_no_types(const Snapshot& seen) {
  std::vector<std::string> names = seen.parent_names();
  for (const GpuFunction& gpu : seen.gpus) {
    if (seen.find_parent(gpu.address) == nullptr) {
      names.push_back(gpu.address);
    }
  }
  std::sort(names.begin(), names.end());
  std::vector<Finding> findings;
  for (const std::string& name : names) {
    if (const auto finding = why_no_types(seen, name)) {
      findings.push_back(*finding);
    }
  }
  return findings;
}

bool lacks_only_reserved(const Parent& parent, const std::vector<FunctionName>& reserved) {
  std::size_t lacking = 0;
  for (const Function& function : parent.functions) {
    if (!function.usable && !is_reserved(function, reserved)) {
      return false;
    }
    lacking += function.usable ? 0 : 1;
  }
  return lacking > 0;
}

std::string command_to_enable(const Parent& parent) {
  return fmt::format("{} {}",
                     parent.enables_functions ? "mdevadm parent prepare" : "/usr/lib/nvidia/sriov-manage -e",
                     parent.name.str());
}

bool has_few_functions(const Parent& parent) {
  return !parent.functions.empty() && parent.functions.size() < parent.supported_functions;
}

std::string advice_to_enable_all(const Parent& parent) {
  return fmt::format(
      "while the GPU has no vGPU, enable all {1} virtual functions: mdevadm parent set {0} --vfs all && "
      "mdevadm "
      "parent prepare {0}",
      parent.name.str(), parent.supported_functions);
}

std::vector<std::string> advice_for_functions(const Parent& parent,
                                              const std::vector<FunctionName>& reserved) {
  const auto function =
      std::find_if(parent.functions.begin(), parent.functions.end(),
                   [&](const Function& one) { return !one.usable && !is_reserved(one, reserved); });
  // Without IOMMU, virtual functions that are not enabled could not be used either.
  if (parent.without_iommu && (parent.functions.empty() || function != parent.functions.end())) {
    return without_iommu(parent.name.str()).advice;
  }
  if (function == parent.functions.end()) {
    return {};
  }
  // NVIDIA's driver does not accept types on a function that was unbound and bound again, so all must be
  // disabled and enabled. That removes those in use, too: sriov-manage does not ask, and hangs while a
  // virtual machine has one open.
  if (std::any_of(parent.functions.begin(), parent.functions.end(),
                  [](const Function& one) { return one.type.has_value(); })) {
    return {fmt::format("list the devices of the GPU, which must be stopped before its virtual "
                        "functions are enabled again: mdevadm list --parent {} -o +held_by",
                        parent.name.str()),
            fmt::format("until then, exclude the virtual function: mdevadm parent set {} --reserve {}",
                        parent.name.str(), function->address)};
  }
  std::vector<std::string> advice;
  if (function->driver && function->driver->starts_with(nvidia_driver)) {
    advice.emplace_back(
        "first check that nvidia-vgpud has run, which registers the types of GPUs: journalctl -u "
        "nvidia-vgpud");
  }
  advice.push_back(fmt::format("enable the virtual functions again, when no virtual machine uses one: {}",
                               parent.enables_functions
                                   ? command_to_enable(parent)
                                   : fmt::format("/usr/lib/nvidia/sriov-manage -d {} && {}",
                                                 parent.name.str(), command_to_enable(parent))));
  return advice;
}

std::string commands_to_bind(const std::string& address, const std::string& driver,
                             const std::optional<std::string>& bound, bool has_override) {
  return (has_override ? fmt::format("echo > /sys/bus/pci/devices/{}/driver_override; ", address) : "") +
         (bound ? fmt::format("echo {} > /sys/bus/pci/drivers/{}/unbind; ", address, *bound) : "") +
         fmt::format("echo {} > /sys/bus/pci/drivers/{}/bind", address, driver);
}

Finding without_iommu(const std::string& gpu) {
  return {
      fmt::format("{} has no IOMMU group, so its virtual functions cannot be used", gpu),
      {"enable the IOMMU in the firmware, for Intel also on the kernel command line (intel_iommu=on), and "
       "reboot",
       "after the reboot, look for it in the kernel log: dmesg | grep -iE 'dmar|iommu'"},
      "iommu-off"};
}

Finding driver_is_fixed(const std::string& gpu, const std::string& driver_override) {
  return {
      fmt::format("driver_override of {} is {}, so sriov-manage cannot enable its virtual functions: it has "
                  "to bind {} for a moment",
                  gpu, driver_override, stub_driver),
      {"remove the override: driverctl unset-override " + gpu},
      "gpu-override"};
}

std::string notice_of(const Parent& parent) {
  const bool is_off = parent.capabilities.functions && parent.functions.empty();
  return is_off && !parent.without_iommu && !parent.notice.empty()
             ? fmt::format("{}; enable them: {}", parent.notice, command_to_enable(parent))
             : parent.notice;
}

std::string notice_of(const Snapshot& seen, const Parent& parent) {
  if (!parent.notice.empty()) {
    return notice_of(parent);
  }
  const auto finding = why_no_types(seen, parent.name.str());
  return finding ? finding->str() : std::string{};
}

}  // namespace mdevadm
