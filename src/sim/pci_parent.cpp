// A PCI parent whose driver can be changed, and GVT-g, which has two switches: i915.enable_gvt and kvmgt.
#include <utility>

#include "kernel.hpp"

namespace mdevadm::sim {

namespace {

constexpr std::string_view kvmgt = "kvmgt";

class PciParent final : public Provider {
 public:
  PciParent(Kernel& kernel, const SimParent& settings)
      : Provider(kernel, settings), mdevs_(make_typed(kernel, settings)), loaded_(settings.loaded) {}

  // As when the driver is removed: the PCI device remains, without a driver.
  void withdraw() override {
    if (present_) {
      kernel_.pci.unbind(device_, [] {});
    }
  }

  void preset(const SimDevice& device) override {
    if (present_) {
      mdevs_->preset(device);
    }
  }

  int load(std::string_view module) override {
    if (!is_gvt() || module != kvmgt) {
      return EINVAL;
    }
    loaded_ = true;
    kernel_.files.directories(Kernfs::root, "module/kvmgt");
    if (device_.driver == settings_.driver) {
      offer();
    }
    return 0;
  }

  int reboot() override {
    kernel_.pci.unbind(device_, [] {});
    if (!device_.driver.empty()) {
      return EBUSY;
    }
    device_.driver_override.clear();
    start();
    return 0;
  }

 private:
  bool is_bound_by_bus() const override { return true; }
  bool keeps_directory() const override { return true; }
  std::string bound_driver() const override { return device_.driver; }
  bool is_gvt() const { return settings_.arithmetic == Arithmetic::gvt; }

  // Called again when the parent is registered after it was unregistered.
  void publish() override {
    if (!device_.name.empty()) {
      kernel_.pci.unbind(device_, [] {});
      std::ignore = kernel_.pci.bind(device_, settings_.driver);
      return;
    }
    registered_ = present_ = false;
    device_.name = settings_.name;
    device_.directory = directory_;
    device_.vendor = settings_.pci->vendor;
    device_.id = settings_.pci->device;
    device_.native_driver = settings_.driver;
    device_.probe = [this](const std::string& driver) {
      if (driver == "vfio-pci" && !kernel_.iommu) {
        return EINVAL;
      }
      if (driver == settings_.driver) {
        offer();
      }
      return 0;
    };
    device_.release = [this](const std::string&, const std::function<void()>& then) {
      if (!present_) {
        return then();
      }
      when_released_ = then;
      mdevs_->withdraw();
    };
    kernel_.pci.add(device_);
    if (is_gvt()) {
      const NodeId parameters = kernel_.files.directories(Kernfs::root, "module/i915/parameters");
      kernel_.files.constant(parameters, "enable_gvt", settings_.enable_gvt ? "Y\n" : "N\n");
      if (loaded_) {
        kernel_.files.directories(Kernfs::root, "module/kvmgt");
      }
    }
    start();
  }

  void start() {
    if (!settings_.bound.empty()) {
      std::ignore = kernel_.pci.bind(device_, settings_.bound);
    }
  }

  // Registers the parent, if the driver is able to.
  void offer() {
    if (present_ || (is_gvt() && (!settings_.enable_gvt || !loaded_))) {
      return;
    }
    registered_ = present_ = true;
    mdevs_->appear_in(directory_, [this] {
      registered_ = present_ = false;
      if (const auto then = std::exchange(when_released_, {})) {
        then();
      }
    });
  }

  PciDevice device_{};
  std::unique_ptr<Provider> mdevs_;
  std::function<void()> when_released_{};
  bool loaded_;
};

}  // namespace

std::unique_ptr<Provider> make_pci_parent(Kernel& kernel, const SimParent& settings) {
  return std::make_unique<PciParent>(kernel, settings);
}

}  // namespace mdevadm::sim
