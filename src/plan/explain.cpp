#include <mdevadm/plan/explain.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace mdevadm {

namespace {

Finding of_driver(const GpuFunction& gpu, bool mdev_support) {
  const std::string offers_none =
      fmt::format("{} is bound to {} ({}) but offers no types", *gpu.driver, gpu.address, gpu.pci_id);
  const std::string host_driver =
      "check that NVIDIA's vGPU host driver is installed, not the one for displays or CUDA: "
      "modinfo nvidia_vgpu_vfio";
  if (!mdev_support) {
    return {offers_none, {host_driver}};
  }
  return {
      offers_none,
      {"check nvidia-vgpud: journalctl -u nvidia-vgpud (it registers the types of GPUs that support vGPUs)",
       host_driver}};
}

}  // namespace

std::string Finding::str() const {
  return advice.empty() ? what : fmt::format("{}: {}", what, advice.front());
}

std::optional<Finding> why_no_types(const Snapshot& seen, std::string_view address) {
  const auto gpu = std::find_if(seen.gpus.begin(), seen.gpus.end(),
                                [&](const GpuFunction& one) { return one.address == address; });
  const Parent* parent = seen.find_parent(std::string(address));
  // A parent with a notice explains itself.
  if (gpu == seen.gpus.end() || (parent != nullptr && (!parent->types.empty() || !parent->notice.empty()))) {
    return std::nullopt;
  }
  if (!gpu->driver) {
    return Finding{
        fmt::format("no driver is bound to {} ({}), so it offers no types", gpu->address, gpu->pci_id),
        {"load NVIDIA's vGPU host driver: modprobe nvidia"}};
  }
  if (gpu->driver->starts_with("nvidia")) {
    return of_driver(*gpu, seen.mdev_support);
  }
  return Finding{fmt::format("{} is bound to {} ({}), so it offers no types (expected the driver nvidia)",
                             *gpu->driver, gpu->address, gpu->pci_id),
                 {fmt::format("return the GPU to its driver: driverctl unset-override {}", gpu->address)}};
}

std::vector<Finding> why_no_types(const Snapshot& seen) {
  std::vector<Finding> findings;
  for (const GpuFunction& gpu : seen.gpus) {
    if (const auto finding = why_no_types(seen, gpu.address)) {
      findings.push_back(*finding);
    }
  }
  return findings;
}

}  // namespace mdevadm
