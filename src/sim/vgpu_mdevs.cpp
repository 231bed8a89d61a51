// NVIDIA's vGPUs on kernels with mdev (N3): each virtual function is a parent of at most one mediated device.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "functions.hpp"
#include "mdev.hpp"

namespace mdevadm::sim {

namespace {

// The types of a function, with the line that the driver prints as description.
std::vector<std::pair<std::string, std::string>> properties_of(const VgpuType& type, Generation generation) {
  const std::string series = parse_vgpu_name(type.name).value_or(VgpuName{}).series;
  const bool shows = series.starts_with('Q') || series.starts_with('B');
  const char* resolution = series == "A"                                       ? "1280x1024"
                           : series == "C" && generation == Generation::ampere ? "4096x2400"
                           : series == "C"                                     ? "3840x2400"
                           : type.framebuffer <= 1024 || series != "Q"         ? "5120x2880"
                                                                               : "7680x4320";
  return {{"num_heads", shows ? "4" : "1"},
          {"frl_config", series.starts_with('B') ? "45" : "60"},
          {"framebuffer", fmt::format("{}M", type.framebuffer)},
          {"max_resolution", resolution}};
}

class FunctionAccount final : public Account {
 public:
  FunctionAccount(Kernel& kernel, const SimParent& settings, VgpuState& gpu, const Function& function)
      : kernel_(kernel), settings_(settings), gpu_(gpu), function_(function) {}

  std::uint64_t available(const SimType& type) const override {
    const VgpuType* found = gpu_.find_type(number_of(type));
    return found != nullptr && gpu_.available(*found, function_.index) ? 1 : 0;
  }

  int take(const SimType& type) override {
    const int error =
        function_.is_broken ? EIO : refused(kernel_, gpu_.create(number_of(type), function_.index));
    if (error != 0) {
      // Bus, device and function in one number.
      const std::string& name = function_.name;
      const std::uint64_t slot = parse_kernel_number(name.substr(8, 2), 16).value_or(0);
      kernel_.print(fmt::format("vGPU creation failed on device 0x{}{:02x}. -5", name.substr(5, 2),
                                (slot << 3) + static_cast<unsigned>(name.back() - '0')));
    }
    return error;
  }

  void give_back() override { gpu_.destroy(function_.index); }

  // mdev ignores the driver's EBUSY after the five seconds.
  Time linger(const Mdev& device) const override {
    const bool was_used = !device.user.empty() && !kernel_.is_open(device);
    return was_used ? std::min(settings_.linger, Time{5000}) : Time{0};
  }

  void furnish(Mdev& device) override {
    const NodeId directory = kernel_.files.directory(device.directory, "nvidia");
    VgpuAttributes(kernel_, gpu_)
        .add(directory, {device.name, function_.index, std::make_shared<std::string>()});
    kernel_.files.attribute(directory, "vm_name", 0444, [this, &device] {
      return Reading{(kernel_.is_open(device) ? device.user : std::string{}) + "\n"};
    });
  }

 private:
  static std::uint64_t number_of(const SimType& type) { return parse_kernel_number(type.id, 10).value_or(0); }

  Kernel& kernel_;
  const SimParent& settings_;
  VgpuState& gpu_;
  const Function& function_;
};

class VgpuMdevs final : public VgpuInterface {
 public:
  VgpuMdevs(Kernel& kernel, const SimParent& settings, VgpuState& gpu)
      : kernel_(kernel), gpu_(gpu), pattern_(settings) {
    const Era era = kernel.version < KernelVersion{5, 2}   ? Era::v4_10
                    : kernel.version < KernelVersion{6, 1} ? Era::v5_2
                                                           : Era::v6_1;
    pattern_.interface = find_interface(era == Era::v4_10 ? "U1" : era == Era::v5_2 ? "U2" : "U4");
    pattern_.bus = "pci";
    pattern_.types.clear();
    pattern_.gpu.reset();
    for (const VgpuType& type : gpu.model().types) {
      pattern_.types.push_back({.id = std::to_string(type.id),
                                .name = type.name,
                                .properties = properties_of(type, gpu.model().generation),
                                .most = type.most});
    }
  }

  // Without types the function stays dormant, until its GPU is bound again.
  void publish(Function& function) override {
    Parent& parent = parent_of(function);
    if (gpu_.has_table() && !parent.provider->is_present()) {
      parent.provider->appear_in(function.directory, [&parent] {
        if (const auto then = std::exchange(parent.then, {})) {
          then();
        }
      });
    }
  }

  void revive(Function& function) override { publish(function); }

  void withdraw(Function& function, const std::function<void()>& then) override {
    Parent& parent = parent_of(function);
    if (!parent.provider->is_present()) {
      return then();
    }
    parent.then = then;
    parent.provider->withdraw();
  }

  bool preset(Function& function, const SimDevice& device) override {
    Parent& parent = parent_of(function);
    if (!parent.provider->is_present() || gpu_.find(function.index) != nullptr) {
      return false;
    }
    parent.provider->preset(device);
    return true;
  }

  int admit(Function&) override { return ENODEV; }

  bool is_open(const Function& function) const override {
    const auto found = parents_.find(function.index);
    return found != parents_.end() && has_open_device(*found->second);
  }

 private:
  struct Parent {
    Parent(Kernel& kernel, const SimParent& pattern, VgpuState& gpu, const Function& function)
        : settings(pattern), account(kernel, settings, gpu, function) {
      settings.name = function.name;
    }
    SimParent settings;
    FunctionAccount account;
    std::unique_ptr<Provider> provider{};
    std::function<void()> then{};  // waits for the end of withdraw()
  };

  bool has_open_device(const Parent& parent) const {
    return std::any_of(kernel_.devices.begin(), kernel_.devices.end(), [&](const auto& entry) {
      return entry.second->parent == parent.provider.get() && kernel_.is_open(*entry.second);
    });
  }

  Parent& parent_of(const Function& function) {
    std::unique_ptr<Parent>& parent = parents_[function.index];
    if (!parent) {
      parent = std::make_unique<Parent>(kernel_, pattern_, gpu_, function);
      parent->provider = make_typed(kernel_, parent->settings, &parent->account);
    }
    return *parent;
  }

  Kernel& kernel_;
  VgpuState& gpu_;
  SimParent pattern_;
  std::map<unsigned, std::unique_ptr<Parent>> parents_{};
};

}  // namespace

std::unique_ptr<VgpuInterface> make_vgpu_mdevs(Kernel& kernel, const SimParent& settings, VgpuState& gpu) {
  return std::make_unique<VgpuMdevs>(kernel, settings, gpu);
}

}  // namespace mdevadm::sim
