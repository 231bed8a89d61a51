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

// Any driver that is not NVIDIA's.
Finding of_other(const GpuFunction& gpu) {
  return {fmt::format("{} is bound to {} ({}), so it offers no types (expected the driver nvidia)",
                      *gpu.driver, gpu.address, gpu.pci_id),
          {passes_through(*gpu.driver)
               ? fmt::format("return the GPU to its driver: driverctl unset-override {}", gpu.address)
               : fmt::format("bind the GPU to NVIDIA's vGPU host driver: driverctl set-override {} nvidia",
                             gpu.address)},
          "gpu-driver"};
}

Finding of_gpu(const GpuFunction& gpu, bool mdev_support) {
  if (!gpu.driver) {
    return {fmt::format("no driver is bound to {} ({}), so it offers no types", gpu.address, gpu.pci_id),
            {"load NVIDIA's vGPU host driver: modprobe nvidia"},
            "gpu-no-driver"};
  }
  return gpu.driver->starts_with("nvidia") ? of_nvidia(gpu, mdev_support) : of_other(gpu);
}

// Returns whether a parent offers types, or its lack of types is no finding.
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
    return of_gpu(*gpu, seen.mdev_support);
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

std::string advice_for_functions(const Parent& parent) {
  const auto function = std::find_if(parent.functions.begin(), parent.functions.end(),
                                     [](const Function& one) { return !one.usable; });
  if (function == parent.functions.end()) {
    return {};
  }
  return function->driver && passes_through(*function->driver)
             ? fmt::format("return virtual functions to their driver: driverctl unset-override {}",
                           function->address)
             : fmt::format(
                   "enable the virtual functions again: /usr/lib/nvidia/sriov-manage -d {0} && "
                   "/usr/lib/nvidia/sriov-manage -e {0}",
                   parent.name.str());
}

std::string notice_of(const Snapshot& seen, const Parent& parent) {
  if (!parent.notice.empty()) {
    return parent.notice;
  }
  const auto finding = why_no_types(seen, parent.name.str());
  return finding ? finding->str() : std::string{};
}

}  // namespace mdevadm
