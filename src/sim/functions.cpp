// GPUs with SR-IOV: the physical function, its driver, and the virtual functions that come and go.
#include "functions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mdevadm/util/text.hpp>
#include <utility>

#include "gpu_control.hpp"

namespace mdevadm::sim {

namespace {

// Interface::revision; 1 is the shipped driver without mdev.
constexpr unsigned without_vgpus = 0, proposed_files = 2, on_mdev = 3;

class FunctionParent final : public Provider {
 public:
  FunctionParent(Kernel& kernel, const SimParent& settings) : Provider(kernel, settings) {
    if (settings_.gpu) {
      gpu_ = std::make_unique<VgpuState>(*settings_.gpu);
      control_ = std::make_unique<GpuControl>(
          kernel_, settings_, *gpu_,
          GpuControl::Sight{[this] { return pf_.driver; }, [this] { return enabled(); },
                            [this] { return is_any_open(); }});
    }
    switch (settings_.interface->revision) {
      case without_vgpus: break;
      case on_mdev: vgpus_ = make_vgpu_mdevs(kernel, settings, *gpu_); break;
      default: vgpus_ = make_vgpu_files(kernel, settings, gpu_.get());
    }
  }

  void preset(const SimDevice& device) override {
    for (const auto& function : functions_) {
      if (function->exists && function->pci.driver == settings_.driver && vgpus_ &&
          vgpus_->preset(*function, device)) {
        return;
      }
    }
  }

  // Unloads the driver's module, which loses the types.
  void withdraw() override {
    if (!present_ || is_any_open()) {
      return;
    }
    remove_functions([this] {
      kernel_.pci.unbind(pf_, [this] {
        kernel_.pci.remove(pf_);
        if (kernel_.iommu) {
          kernel_.leave(pf_node_);
        }
        if (gpu_) {
          gpu_->set_table(false);
        }
        registered_ = present_ = false;
      });
    });
  }

  int admit(Assignable& assignable, const std::string&) override {
    if (&assignable == &pf_node_) {
      return 0;
    }
    auto& function = static_cast<Function&>(assignable);
    return function.pci.driver != settings_.driver || !vgpus_ ? 0 : vgpus_->admit(function);
  }

  // The driver's GPU is unbound and bound on the way. The functions appear without driver and are bound one
  // by one.
  int enable_functions(std::uint64_t count) override {
    if (count > settings_.functions) {
      return ERANGE;
    }
    if (count > 0 && enabled() > 0) {
      return count == enabled() ? 0 : EBUSY;
    }
    if (is_any_open()) {
      return EBUSY;
    }
    reset();
    if (count == 0) {
      remove_functions([] {});
      return 0;
    }
    kernel_.time.after(kernel_.trouble.delay(Operation::functions), [this, count] {
      add_functions(count, false);
      bind_from(0, kernel_.trouble.delay(Operation::bind));
    });
    return 0;
  }

  int request(const std::vector<std::string_view>& words) override;
  int reboot() override;

 private:
  void publish() override;
  bool is_bound_by_bus() const override { return true; }
  std::string bound_driver() const override { return pf_.driver; }

  std::size_t enabled() const {
    return static_cast<std::size_t>(std::count_if(functions_.begin(), functions_.end(),
                                                  [](const auto& function) { return function->exists; }));
  }

  bool is_any_open() const {
    return kernel_.is_open(pf_node_) ||
           std::any_of(functions_.begin(), functions_.end(),
                       [&](const auto& function) { return function->exists && is_open(*function); });
  }

  bool is_open(const Function& function) const {
    return vgpus_ && function.pci.driver == settings_.driver ? vgpus_->is_open(function)
                                                             : kernel_.is_open(function);
  }

  // The GPU is released by its driver.
  void reset() {
    if (vgpus_) {
      vgpus_->reset();
    }
    if (gpu_) {
      gpu_->reset();
    }
    if (control_) {
      control_->reset();
    }
  }

  std::string address(std::uint64_t index) const;
  void make_sriov_files();
  void write_numvfs(std::string_view data, const Answer& answer);
  void add_functions(std::uint64_t count, bool attach);
  void add(std::uint64_t index);
  void bind_from(std::size_t index, Time delay);
  void remove_functions(const std::function<void()>& then);
  void remove_files(Function& function);
  int probe_gpu(const std::string& driver);
  int probe(Function& function, const std::string& driver);
  void release(Assignable& device, const std::function<void()>& then);
  void start_vgpud();

  PciDevice pf_{};
  Assignable pf_node_{};  // VFIO's node of the physical function, if vfio-pci is bound
  std::unique_ptr<VgpuState> gpu_{};
  std::unique_ptr<GpuControl> control_{};
  std::unique_ptr<VgpuInterface> vgpus_{};              // nullptr: plain virtual functions
  std::vector<std::unique_ptr<Function>> functions_{};  // all that ever existed
  bool autoprobe_ = true;
};

std::string FunctionParent::address(std::uint64_t index) const {
  const auto part = [&](std::size_t at, std::size_t size) {
    unsigned value = 0;
    std::from_chars(settings_.name.data() + at, settings_.name.data() + at + size, value, 16);
    return value;
  };
  const std::uint64_t number =
      (part(5, 2) << 8) + (part(8, 2) << 3) + part(11, 1) + settings_.first_function + index;
  return fmt::format("{}{:02x}:{:02x}.{:x}", settings_.name.substr(0, 5), number >> 8, (number >> 3) & 0x1f,
                     number & 7);
}

void FunctionParent::publish() {
  pf_.name = pf_node_.name = settings_.name;
  pf_.directory = pf_node_.directory = directory_;
  pf_.vendor = settings_.pci->vendor;
  pf_.id = settings_.pci->device;
  pf_.native_driver = settings_.driver;
  pf_.probe = [this](const std::string& driver) { return probe_gpu(driver); };
  pf_.release = [this](const std::string& driver, const std::function<void()>& then) {
    if (driver == "vfio-pci") {
      return release(pf_node_, then);
    }
    if (driver == settings_.driver) {
      reset();
    }
    then();
  };
  pf_node_.parent = this;
  pf_node_.isolated = true;
  if (kernel_.iommu) {
    kernel_.enter_own_group(pf_node_);
  }
  kernel_.pci.add(pf_);
  make_sriov_files();
  if (control_) {
    control_->publish();
  }
  if (!settings_.bound.empty()) {
    kernel_.pci.bind(pf_, settings_.bound);
  }
  start_vgpud();
  if (settings_.functions_enabled > 0) {
    add_functions(settings_.functions_enabled, false);
    bind_from(0, Time{0});
  }
}

void FunctionParent::start_vgpud() {
  if (gpu_ && settings_.vgpud) {
    kernel_.time.after(*settings_.vgpud, [this] { gpu_->set_table(true); });
  }
}

void FunctionParent::make_sriov_files() {
  Kernfs& files = kernel_.files;
  files.constant(directory_, "sriov_totalvfs", fmt::format("{}\n", settings_.functions));
  files.attribute(
      directory_, "sriov_numvfs", 0644, [this] { return Reading{fmt::format("{}\n", enabled())}; },
      [this](std::string_view data, const Answer& answer) { write_numvfs(data, answer); });
  files.attribute(
      directory_, "sriov_drivers_autoprobe", 0644, [this] { return Reading{autoprobe_ ? "1\n" : "0\n"}; },
      [this](std::string_view data, const Answer& answer) {
        const auto number = parse_kernel_number(data);
        autoprobe_ = number.value_or(autoprobe_ ? 1 : 0) != 0;
        answer(number ? static_cast<int>(data.size()) : -EINVAL);
      });
  files.constant(directory_, "sriov_offset", fmt::format("{}\n", settings_.first_function));
  files.constant(directory_, "sriov_stride", "1\n");
  files.constant(directory_, "sriov_vf_device", settings_.function_id + "\n");
}

// The checks of the PCI core (drivers/pci/iov.c). NVIDIA's shipped driver has no sriov_configure.
void FunctionParent::write_numvfs(std::string_view data, const Answer& answer) {
  const int taken = static_cast<int>(data.size());
  const auto number = parse_kernel_number(data);
  if (!number || *number > settings_.functions) {
    return answer(number ? -ERANGE : -EINVAL);
  }
  if (*number == enabled()) {
    return answer(taken);
  }
  const unsigned revision = settings_.interface->revision;
  const bool native =
      pf_.driver == settings_.driver && (revision == without_vgpus || revision == proposed_files);
  if (!native && pf_.driver != "pci-pf-stub") {
    kernel_.print(fmt::format("pci {}: {}", settings_.name,
                              pf_.driver.empty() ? "no driver bound to device; cannot configure SR-IOV"
                                                 : "driver does not support SR-IOV configuration via sysfs"));
    return answer(-ENOENT);
  }
  if (*number == 0) {
    return remove_functions([answer, taken] { answer(taken); });
  }
  if (enabled() > 0) {
    kernel_.print(fmt::format("pci {}: {} VFs already enabled. Disable before enabling {} VFs",
                              settings_.name, enabled(), *number));
    return answer(-EBUSY);
  }
  kernel_.time.after(kernel_.trouble.delay(Operation::functions), [this, count = *number, answer, taken] {
    add_functions(count, autoprobe_);
    answer(taken);
  });
}

void FunctionParent::add_functions(std::uint64_t count, bool attach) {
  for (std::uint64_t i = 0; i < count; ++i) {
    add(i);
    if (attach) {
      kernel_.pci.attach(functions_[i]->pci);
    }
  }
}

void FunctionParent::add(std::uint64_t index) {
  Kernfs& files = kernel_.files;
  if (index >= functions_.size()) {
    functions_.push_back(std::make_unique<Function>());
  }
  Function& function = *functions_[index];
  function.index = static_cast<unsigned>(index);
  function.exists = true;
  function.name = function.pci.name = address(index);
  function.parent = this;
  function.isolated = true;
  function.is_broken = function.was_bound = false;
  const std::string home = fmt::format("devices/pci{}/{}", settings_.name.substr(0, 7), function.name);
  function.directory = function.pci.directory = files.directories(Kernfs::root, home);
  const NodeId bus = files.directories(Kernfs::root, "bus/pci");
  files.link(function.directory, "subsystem", bus);
  files.link(files.directory(bus, "devices"), function.name, function.directory);
  files.link(function.directory, "physfn", directory_);
  files.link(directory_, fmt::format("virtfn{}", index), function.directory);
  files.constant(function.directory, "vendor", fmt::format("0x{}\n", settings_.pci->vendor));
  files.constant(function.directory, "device", fmt::format("0x{}\n", settings_.function_id));
  files.constant(function.directory, "class", fmt::format("0x{}\n", settings_.pci->pci_class));
  files.constant(function.directory, "numa_node", "-1\n");
  kernel_.add_uevent(function.directory, "pci", [&function] {
    const std::string& driver = function.pci.driver;
    return fmt::format("{}PCI_SLOT_NAME={}\n", driver.empty() ? "" : "DRIVER=" + driver + "\n",
                       function.name);
  });
  function.pci.vendor = settings_.pci->vendor;
  function.pci.id = settings_.function_id;
  function.pci.native_driver = settings_.driver;
  function.pci.driver_override.clear();
  function.pci.probe = [this, &function](const std::string& driver) { return probe(function, driver); };
  function.pci.release = [this, &function](const std::string& driver, const std::function<void()>& then) {
    if (driver == settings_.driver && vgpus_) {
      return vgpus_->withdraw(function, then);
    }
    driver == "vfio-pci" ? release(function, then) : then();
  };
  kernel_.pci.add(function.pci);
  if (kernel_.iommu) {
    kernel_.enter_own_group(function);
  }
  kernel_.events.emit("add", files.path_of(function.directory), "pci");
}

void FunctionParent::bind_from(std::size_t index, Time delay) {
  if (index >= functions_.size() || !functions_[index]->exists) {
    return;
  }
  kernel_.time.after(delay, [this, index, delay] {
    Function& function = *functions_[index];
    if (function.exists && function.pci.driver.empty() && !kernel_.trouble.strike(Operation::bind)) {
      kernel_.pci.bind(function.pci, settings_.driver);
    }
    bind_from(index + 1, delay);
  });
}

// Removes the functions from last to first; waits for those that are in use.
void FunctionParent::remove_functions(const std::function<void()>& then) {
  const auto last = std::find_if(functions_.rbegin(), functions_.rend(),
                                 [](const auto& function) { return function->exists; });
  if (last == functions_.rend()) {
    return then();
  }
  Function& function = **last;
  kernel_.pci.unbind(function.pci, [this, &function, then] {
    remove_files(function);
    remove_functions(then);
  });
}

void FunctionParent::remove_files(Function& function) {
  Kernfs& files = kernel_.files;
  if (kernel_.iommu) {
    kernel_.leave(function);
  }
  kernel_.pci.remove(function.pci);
  kernel_.events.emit("remove", files.path_of(function.directory), "pci");
  files.remove(*files.walk("bus/pci/devices"), function.name);
  files.remove(directory_, fmt::format("virtfn{}", function.index));
  files.remove(function.directory);
  function.exists = false;
}

// NVIDIA's driver revives functions that it had nothing to offer on before.
int FunctionParent::probe_gpu(const std::string& driver) {
  if (driver == "vfio-pci") {
    if (!kernel_.iommu) {
      return EINVAL;
    }
    kernel_.devices.emplace(pf_node_.name, &pf_node_);
    kernel_.add_vfio(pf_node_);
  }
  if (driver == settings_.driver) {
    for (const auto& function : functions_) {
      function->is_broken = function->was_bound = false;
      if (function->exists && function->pci.driver == driver && vgpus_) {
        vgpus_->revive(*function);
      }
    }
  }
  return 0;
}

int FunctionParent::probe(Function& function, const std::string& driver) {
  if (driver == "vfio-pci") {
    if (!kernel_.iommu) {
      return EINVAL;
    }
    kernel_.devices.emplace(function.name, &function);
    kernel_.add_vfio(function);
  }
  if (driver != settings_.driver || !vgpus_) {
    return 0;
  }
  if (!kernel_.iommu) {
    kernel_.print(fmt::format("NVRM: Aborting probe for VF {} since IOMMU is not present on the system.",
                              function.name));
    return ENODEV;
  }
  if (pf_.driver != settings_.driver) {
    return ENODEV;
  }
  function.is_broken = std::exchange(function.was_bound, true);
  vgpus_->publish(function);
  return 0;
}

// Takes a device away from vfio-pci, when it is closed.
void FunctionParent::release(Assignable& device, const std::function<void()>& then) {
  const auto finish = [this, &device, then] {
    kernel_.remove_vfio(device);
    kernel_.devices.erase(device.name);
    then();
  };
  if (kernel_.is_open(device)) {
    kernel_.waiting.push_back({&device, finish});
  } else {
    finish();
  }
}

int FunctionParent::reboot() {
  if (is_any_open()) {
    return EBUSY;
  }
  remove_functions([this] {
    kernel_.pci.unbind(pf_, [this] {
      if (gpu_) {
        gpu_->reboot();
      }
      if (control_) {
        control_->reboot();
      }
      autoprobe_ = true;
      pf_.driver_override.clear();
      if (!settings_.bound.empty()) {
        kernel_.pci.bind(pf_, settings_.bound);
      }
      start_vgpud();
    });
  });
  return 0;
}

int FunctionParent::request(const std::vector<std::string_view>& words) {
  return control_ ? control_->request(words) : EINVAL;
}

}  // namespace

std::unique_ptr<Provider> make_functions(Kernel& kernel, const SimParent& settings) {
  return std::make_unique<FunctionParent>(kernel, settings);
}

}  // namespace mdevadm::sim
