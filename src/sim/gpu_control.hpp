// Changes of an NVIDIA GPU from outside: control requests, and the files that the commands sriov-manage and
// nvidia-smi of mdevsim use.
#pragma once

#include <functional>

#include "kernel.hpp"

namespace mdevadm::sim {

class GpuControl {
 public:
  // What the control must know of the physical function and its virtual functions.
  struct Sight {
    std::function<std::string()> driver;  // of the physical function
    std::function<std::size_t()> functions;
    std::function<bool()> is_open;  // one of them
  };
  GpuControl(Kernel& kernel, const SimParent& settings, VgpuState& gpu, Sight sight)
      : kernel_(kernel), settings_(settings), gpu_(gpu), sight_(std::move(sight)) {}

  void publish();
  // Returns 0 or errno: ENXIO for a GPU that is not bound to its driver, see also VgpuState.
  int request(const std::vector<std::string_view>& words);
  // The driver has released the GPU.
  void reset() { has_unbind_lock_ = false; }
  void reboot() { has_client_ = false; }

 private:
  using Words = std::vector<std::string_view>;
  void write_lock(std::string_view data, const Answer& answer);
  std::string status() const;
  std::string list_instances() const;
  std::string list_profiles() const;
  int request_mig(const Words& words);
  int request_instance(const Words& words);
  int request_mixed(const Words& words);

  Kernel& kernel_;
  const SimParent& settings_;
  VgpuState& gpu_;
  Sight sight_;
  bool has_client_ = false;  // a program such as a monitor has the GPU open
  bool has_unbind_lock_ = false;
};

}  // namespace mdevadm::sim
