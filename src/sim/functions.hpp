// SR-IOV virtual functions, and the interfaces through which NVIDIA's driver offers vGPUs on them.
#pragma once

#include <memory>

#include "kernel.hpp"

namespace mdevadm::sim {

struct Function : Assignable {
  unsigned index = 0;   // N of virtfnN
  bool exists = false;  // SR-IOV may be disabled or enabled with fewer
  PciDevice pci{};
  bool is_broken = false;  // bound again without its GPU: takes no type any more
  bool was_bound = false;  // to NVIDIA's driver, since the GPU was bound
};

// Answers for refusals of the driver's resource manager: EIO, and a line in the kernel log.
int refused(Kernel& kernel, VgpuStatus status);

// What the driver offers on functions that are bound to it.
class VgpuInterface {
 public:
  virtual ~VgpuInterface() = default;
  virtual void publish(Function& function) = 0;
  // Removes what publish() created; calls `then` when that is done, which may be when a user closes a device.
  virtual void withdraw(Function& function, const std::function<void()>& then) = 0;
  // Creates a device that exists from the beginning. Returns false if the function has one already.
  virtual bool preset(Function& function, const SimDevice& device) = 0;
  virtual int admit(Function& function) = 0;
  // The GPU was bound again while the function was bound.
  virtual void revive(Function&) {}
  virtual bool is_open(const Function& function) const = 0;
  // The GPU was released by its driver: its vGPUs do not exist any more.
  virtual void reset() {}
};

std::unique_ptr<VgpuInterface> make_vgpu_files(Kernel& kernel, const SimParent& settings, VgpuState* gpu);
std::unique_ptr<VgpuInterface> make_vgpu_mdevs(Kernel& kernel, const SimParent& settings, VgpuState& gpu);

// The files vgpu_params, placement_id and gpu_instance_id of a vGPU, in its directory "nvidia".
class VgpuAttributes {
 public:
  struct Owner {
    std::string name;  // of the device in Kernel::devices
    unsigned function;
    std::shared_ptr<std::string> parameters;
  };
  VgpuAttributes(Kernel& kernel, VgpuState& gpu) : kernel_(kernel), gpu_(gpu) {}
  void add(NodeId directory, const Owner& owner);

 private:
  using Set = VgpuStatus (VgpuState::*)(unsigned function, unsigned id);
  using Get = std::optional<unsigned> Vgpu::*;
  void add_number(NodeId directory, const char* name, const Owner& owner, Get get, Set set);
  int check(const Owner& owner, const char* attribute) const;
  bool is_open(const Owner& owner) const;

  Kernel& kernel_;
  VgpuState& gpu_;
};

}  // namespace mdevadm::sim
